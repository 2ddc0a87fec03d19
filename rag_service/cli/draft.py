"""`rag draft`: changes that are held until somebody publishes them."""

from typing import TYPE_CHECKING

import click

from rag_service.cli.context import Session, corpus_option, service_command
from rag_service.cli.draft_changes import add, change_line, drop, remove
from rag_service.cli.draft_gate import accept, finish_publish, gate
from rag_service.cli.waiting import finish, wait_option

if TYPE_CHECKING:
    from rag_service.client import Json


@click.group()
def draft() -> None:
    """Hold changes back, look at them, then publish them together. DRAFT is a draft's name or id."""


@draft.command("open")
@click.argument("name")
@corpus_option
@click.option("--notes", default="", help="What it is for.")
@service_command
def open_draft(session: Session, name: str, corpus: str, notes: str) -> None:
    """Open a draft."""
    made = session.client.open_draft(corpus, name, notes=notes)
    session.show(made, f"{name} is open ({made['id']}), on top of version {made['base']}.")


@draft.command("list")
@corpus_option
@service_command
def list_drafts(session: Session, corpus: str) -> None:
    """List the drafts that are neither published nor discarded."""
    drafts = session.client.drafts(corpus)
    session.show(drafts, "\n".join(_line(each) for each in drafts) or "No drafts.")


@draft.command("show")
@click.argument("draft")
@corpus_option
@service_command
def show(session: Session, draft: str, corpus: str) -> None:
    """Show a draft and its changes."""
    found = session.client.draft(corpus, draft)
    changes = [f"  {change_line(change)}" for change in found["changes"]] or ["  no changes"]
    notes = [f"  {found['notes']}"] if found["notes"] else []
    session.show(found, "\n".join([_line(found), *notes, *changes]))


@draft.command("seal")
@click.argument("draft")
@corpus_option
@wait_option
@service_command
def seal(session: Session, draft: str, corpus: str, *, wait: bool) -> None:
    """Make a version of a draft that only those who may publish can ask, as CORPUS@draft."""
    job = session.client.seal_draft(corpus, draft, purpose="preview")
    finish(session, job, wait=wait, done=f"{draft} is sealed; ask it as {corpus}@draft.")


@draft.command("unseal")
@click.argument("draft")
@corpus_option
@wait_option
@service_command
def unseal(session: Session, draft: str, corpus: str, *, wait: bool) -> None:
    """Open a sealed draft again."""
    finish(session, session.client.unseal_draft(corpus, draft), wait=wait, done=f"{draft} is open again.")


@draft.command("publish")
@click.argument("draft")
@corpus_option
@wait_option
@service_command
def publish(session: Session, draft: str, corpus: str, *, wait: bool) -> None:
    """Make a draft the published version, after the golden questions of the corpus were asked of it.

    The exit code is 5 when one of them is worse with it: it stays sealed until that is mended or accepted.
    """
    job = session.client.publish_draft(corpus, draft)
    if wait:
        finish_publish(session, job, corpus=corpus, draft=draft)
    else:
        session.show(job, f"{job['id']} is {job['state']}.")


@draft.command("discard")
@click.argument("draft")
@corpus_option
@service_command
def discard(session: Session, draft: str, corpus: str) -> None:
    """Close an open draft for good, without publishing it."""
    session.show(session.client.discard_draft(corpus, draft), f"{draft} is discarded.")


for change_command in (add, remove, drop, gate, accept):
    draft.add_command(change_command)


def _line(each: "Json") -> str:
    number = f", version {each['number']}" if each["number"] else ""
    name = each["name"] or "automatic"
    return f"{each['id']}  {each['state']:<9}  {name}  (on top of version {each['base']}{number})"
