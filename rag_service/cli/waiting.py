"""Waiting for background work with a line that says how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from rag_service.cli.context import REFUSED, Session, progress_console

if TYPE_CHECKING:
    from rag_service.client import Json

wait_option = click.option("--wait/--no-wait", default=True, help="Wait until it is done (the default).")

_STATES = {
    "queued": "waits for a worker",
    "waiting": "waits for another draft of the corpus",
    "starved": "waits for a worker, and none has taken it for a while",
    "running": "is worked on",
    "failed": "failed, and is tried again",
}


def finish(session: Session, job: "Json", *, wait: bool, done: str) -> None:
    """Wait for a job and show how it ended, with the words `done` when well; without `wait` only name the job.

    The exit code is 1 when the job did not succeed.
    """
    if not wait:
        session.show(job, f"{job['id']} is {job['state']}.")
        return
    ended = wait_with_line(session, job["id"])
    if ended["state"] != "succeeded":
        fail(session, ended)
    session.show(ended, done)


def wait_with_line(session: Session, job_id: str) -> "Json":
    """Wait until a job is over, and return it."""
    with progress_line() as tell:
        return session.client.wait_for_job(job_id, lambda seen: tell(progress_of(seen)))


def fail(session: Session, ended: "Json") -> NoReturn:
    """Say that a job did not succeed, and what can be done; the exit code is 1."""
    if session.as_json:
        session.show(ended, "")
    click.echo(" ".join(filter(None, (f"Job {ended['id']} is {ended['state']}.", ended["advice"]))), err=True)
    raise click.exceptions.Exit(REFUSED)


def progress_of(job: "Json") -> str:
    """Return how far a job is, in one line."""
    state = str(job["state"])
    line = f"{job['kind'].replace('_', ' ')} {_STATES.get(state, state)}"
    if state != "running" or not job["stage"]:
        return line
    total = f" of {job['total']}" if job["total"] else ""
    return f"{line}: {job['stage']} {job['done']}{total}"


@contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """Draw a line that can be told anew, on a terminal only."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = progress_console()
    columns: tuple[Any, ...] = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda text: progress.update(task, description=text)
