"""Commands that start other programs of the product."""

import subprocess
import sys

import click


@click.command()
def serve() -> None:
    """Start the service with all its parts (RAG_PORT, RAG_DATA_DIR)."""
    from rag_service.settings import read_settings  # noqa: PLC0415  (pydantic is slow to load)
    from rag_service.supervisor import serve as supervise  # noqa: PLC0415

    supervise(read_settings())


@click.group("eval")
def evaluation() -> None:
    """Measure how good answers and search are."""


@evaluation.command("run", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(arguments: tuple[str, ...]) -> None:
    """Run an evaluation suite: sample, retrieval, squad-open. `rag eval run --help` lists its options."""
    # By module name: the product does not depend on its harness.
    finished = subprocess.run([sys.executable, "-m", "eval.run", *arguments], check=False)  # noqa: S603
    raise click.exceptions.Exit(finished.returncode)
