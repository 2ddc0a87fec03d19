"""Prints the installed packages that only the export of the embedding model needs; `lean` uninstalls them."""  # noqa: INP001  (copied into the images, no package)

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PRODUCT = "rag-service"
EXTRAS = ("", "celery", "postgres")
EXPORT = frozenset({"torch", "sentence-transformers", "transformers", "onnx", "onnxscript"})
# Imported by us and named by a package that goes.
STAY = ("tokenizers", "huggingface-hub")
TOOLS = frozenset({"pip", "setuptools", "wheel"})


def export_only() -> list[str]:
    """Return the names of what nothing else needs, sorted."""
    installed = {str(canonicalize_name(found.metadata["Name"])): found for found in distributions()}
    wanted = _reached([(PRODUCT, EXTRAS)], installed, without=frozenset())
    needed = _reached([(PRODUCT, EXTRAS), *((name, ("",)) for name in STAY)], installed, without=EXPORT)
    return sorted(wanted - needed - TOOLS)


def _reached(
    roots: list[tuple[str, tuple[str, ...]]], installed: dict[str, Distribution], *, without: frozenset[str]
) -> set[str]:
    seen: set[tuple[str, tuple[str, ...]]] = set()
    left = list(roots)
    while left:
        node = left.pop()
        if node not in seen and node[0] in installed and node[0] not in without:
            seen.add(node)
            left += _required(installed[node[0]], node[1])
    return {name for name, _ in seen}


def _required(package: Distribution, extras: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in package.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield canonicalize_name(requirement.name), ("", *sorted(requirement.extras))


if __name__ == "__main__":
    sys.stdout.write("\n".join(export_only()) + "\n")
