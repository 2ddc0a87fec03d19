"""`rag source sync` and `rag source diff`: runs of a source."""

from typing import TYPE_CHECKING

import click

from rag_service.cli.context import INCOMPLETE, REFUSED, Session, corpus_option, service_command
from rag_service.cli.waiting import progress_line, progress_of, wait_option

if TYPE_CHECKING:
    from rag_service.client import Json

_SIGNS = {"new": "+", "changed": "~", "renamed": ">", "deleted": "-"}
_ENDED_WELL = frozenset({"applied", "unchanged", "planned", "held"})
_SHOWN_PROBLEMS = 10


@click.command()
@click.argument("source")
@corpus_option
@click.option("--force", is_flag=True, help="Also delete more than half, and bring again what was taken back.")
@wait_option
@service_command
def sync(session: Session, source: str, corpus: str, *, force: bool, wait: bool) -> None:
    """Bring the corpus to what a source holds now. Exit code 4: some items stayed out."""
    started = session.client.start_run(corpus, source, force=force)
    if not wait:
        session.show(started, f"{started['run']['id']} is {started['run']['state']}.")
        return
    run = _finish(session, corpus, source, started)
    session.show(run, "\n".join([_ending(run), *_problems(run)]))
    if run["state"] not in _ENDED_WELL:
        raise click.exceptions.Exit(REFUSED)
    if run["counts"]["failed"]:
        raise click.exceptions.Exit(INCOMPLETE)


@click.command()
@click.argument("source")
@corpus_option
@click.option("--run", "run_id", help="Id of a run of before; else a dry run is made.")
@service_command
def diff(session: Session, source: str, corpus: str, run_id: str | None) -> None:
    """Tell what a run would bring and delete, without doing it."""
    if run_id is None:
        run = _finish(session, corpus, source, session.client.start_run(corpus, source, dry_run=True))
    else:
        run = session.client.run(corpus, source, run_id)
    lines = [_change_line(change) for change in run["changes"] if change["kind"] in _SIGNS]
    cut = ["…"] if run["is_cut"] else []
    session.show(run, "\n".join([*lines, *cut, line_of_counts(run["counts"])]))
    if run["state"] not in _ENDED_WELL:
        click.echo(_ending(run), err=True)
        raise click.exceptions.Exit(REFUSED)


def line_of_counts(counts: "Json") -> str:
    """Return how many items of each sort there are, as far as there are any."""
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "no items"


def _finish(session: Session, corpus: str, source: str, started: "Json") -> "Json":
    with progress_line() as tell:
        session.client.wait_for_job(started["job"]["id"], lambda seen: tell(progress_of(seen)))
    return session.client.run(corpus, source, started["run"]["id"])


def _ending(run: "Json") -> str:
    draft = f" Publish or discard draft {run['draft_id']}." if run["state"] == "held" else ""
    error = f" {run['error']}" if run["error"] else ""
    return f"{run['id']} is {run['state'].replace('_', ' ')}: {line_of_counts(run['counts'])}.{draft}{error}"


def _problems(run: "Json") -> list[str]:
    failed = [f"  {change['key']}: {change['problem']}" for change in run["changes"] if change["problem"]]
    return [*failed[:_SHOWN_PROBLEMS], *(["  …"] if len(failed) > _SHOWN_PROBLEMS else [])]


def _change_line(change: "Json") -> str:
    origin = f"{change['renamed_from']} > " if change["renamed_from"] else ""
    return f"{_SIGNS[change['kind']]} {origin}{change['key']}"
