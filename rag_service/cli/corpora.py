"""`rag corpus`: the sets of documents."""

from typing import Any

import click

from rag_service.cli.context import Session, service_command


@click.group()
def corpus() -> None:
    """Make and list corpora."""


@corpus.command("create")
@click.argument("name")
@service_command
def create(session: Session, name: str) -> None:
    """Create an empty corpus."""
    made = session.client.create_corpus(name)
    session.show(made, f"{made['name']} is there ({made['id']}).")


@corpus.command("list")
@service_command
def list_corpora(session: Session) -> None:
    """List the corpora this key may see."""
    corpora = session.client.corpora()
    session.show(corpora, "\n".join(_line(each) for each in corpora) or "No corpora.")


def _line(each: dict[str, Any]) -> str:
    counts = each["file_counts"]
    parts = [
        f"version {each['version']}" if each["version"] else "nothing published",
        f"{counts['completed']} documents",
    ]
    parts += [
        f"{counts[name]} {text}"
        for name, text in (("in_progress", "in progress"), ("failed", "failed"))
        if counts[name]
    ]
    return f"{each['id']}  {each['name']}  ({', '.join(parts)})"
