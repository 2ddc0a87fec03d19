"""`rag job`: background work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING

import click

from rag_service.cli.context import REFUSED, Session, progress_console, service_command
from rag_service.cli.waiting import progress_of

if TYPE_CHECKING:
    from rag_service.client import Json

STATES = ("queued", "waiting", "running", "failed", "succeeded", "dead", "cancelled")
KINDS = ("prepare_revision", "seal_draft", "unseal_draft")
OVER = ("succeeded", "dead", "cancelled")
_PAGE = 100
_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86_400

_job_id = click.argument("job_id")


@click.group()
def job() -> None:
    """See background work, stop it, or try it again."""


@job.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Only these (repeatable).")
@click.option("--kind", type=click.Choice(KINDS), help="Only jobs that do this.")
@click.option("--corpus", help="Only jobs of this corpus.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Jobs to show.")
@service_command
def list_jobs(session: Session, states: tuple[str, ...], kind: str | None, corpus: str | None, limit: int) -> None:
    """List jobs, newest first."""
    found = session.client.jobs(states=states, kind=kind, corpus=corpus, limit=min(limit, _PAGE))
    jobs = list(islice(found, limit))
    session.show(jobs, "\n".join(map(_line, jobs)) or "No jobs.")


@job.command("show")
@_job_id
@service_command
def show(session: Session, job_id: str) -> None:
    """Show how far a job is, and what can be done when it failed."""
    found = session.client.job(job_id)
    session.show(found, "\n".join(_lines(found)))


@job.command("watch", epilog="Ends with code 1 when the job did not succeed.")
@_job_id
@service_command
def watch(session: Session, job_id: str) -> None:
    """Follow a job to its end; with --json each change is a line."""
    last: Json = {}
    with _bar(is_drawn=not session.as_json) as draw:
        for event in session.client.watch_job(job_id):
            last = event.job
            draw(last)
            session.show(asdict(event), "") if session.as_json else None
    if not session.as_json:
        click.echo("\n".join(_lines(last)))
    if last["state"] != "succeeded":
        raise click.exceptions.Exit(REFUSED)


@job.command("cancel")
@_job_id
@service_command
def cancel(session: Session, job_id: str) -> None:
    """Stop a job for good."""
    session.show(session.client.cancel_job(job_id), f"{job_id} is cancelled.")


@job.command("retry")
@_job_id
@service_command
def retry(session: Session, job_id: str) -> None:
    """Try a failed, dead or cancelled job again."""
    session.show(session.client.retry_job(job_id), f"{job_id} is in the queue again.")


@job.command("purge")
@click.option(
    "--state",
    "states",
    multiple=True,
    default=("succeeded", "cancelled"),
    show_default=True,
    type=click.Choice(OVER),
    help="Jobs that ended so (repeatable).",
)
@click.option("--days", default=7.0, show_default=True, type=click.FloatRange(0), help="Days since they ended.")
@service_command
def purge(session: Session, states: tuple[str, ...], days: float) -> None:
    """Forget jobs that are over."""
    purged = session.client.purge_jobs(states, older_than_s=days * _DAY_S)
    session.show({"purged": purged}, f"{purged} jobs forgotten.")


def _line(found: "Json") -> str:
    about = found["document"] or found["subject"] or "a file you may not see"
    where = f" in {found['corpus']}" if found["corpus"] else ""
    why = f" ({found['reason']})" if found["reason"] else ""
    return f"{found['id']}  {found['state']:<9}  {found['kind'].replace('_', ' ')}: {about}{where}{_far(found)}{why}"


def _lines(found: "Json") -> Iterator[str]:
    yield _line(found)
    yield f"in the queue since {_time(found['age_s'])}, attempts: {found['attempts']}"
    if found["advice"]:
        yield str(found["advice"])


def _far(found: "Json") -> str:
    if found["state"] != "running" or not found["stage"]:
        return ""
    total = f" {found['done']} of {found['total']}" if found["total"] else ""
    left = f", about {_time(found['remaining_s'])} left" if found["remaining_s"] is not None else ""
    return f", {found['stage']}{total}{left}"


def _time(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{seconds / _HOUR_S:.1f} h"


@contextmanager
def _bar(*, is_drawn: bool) -> Iterator[Callable[["Json"], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn  # noqa: PLC0415

    console = progress_console()
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not (is_drawn and console.is_terminal)) as bar:
        task = bar.add_task("", total=None)
        yield lambda found: bar.update(
            task, description=progress_of(found), completed=found["done"], total=found["total"]
        )
