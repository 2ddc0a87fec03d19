"""Lines for whoever watches a measurement."""

import sys


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
