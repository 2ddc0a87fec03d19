"""`rag reconcile`: compare catalog, index and raw files."""

from typing import TYPE_CHECKING

import click

from rag_service.cli.context import Session, service_command

if TYPE_CHECKING:
    from rag_service.client import Json

_SHOWN = 3


@click.command()
@click.option("--corpus", help="Id or name of one corpus; else all, and the raw files.")
@click.option("--dry-run", is_flag=True, help="Only tell.")
@service_command
def reconcile(session: Session, corpus: str | None, dry_run: bool) -> None:
    """Find what catalog, index and raw files do not agree on, and mend it."""
    done = session.client.reconcile(corpus=corpus, dry_run=dry_run)
    lines = [_line(each) for each in done["findings"]]
    session.show(done, "\n".join(lines) or "Everything agrees.")


def _line(each: "Json") -> str:
    examples = ", ".join(one["subject"] for one in each["examples"][:_SHOWN])
    return f"{each['kind']}: {each['found']} found, {each['mended']} mended ({examples}{_more(each)})"


def _more(each: "Json") -> str:
    return ", …" if each["found"] > _SHOWN else ""
