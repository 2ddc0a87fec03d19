"""`rag eval list|show|compare|export|html`: runs that were kept, beside `rag eval run` (rag_service/cli/programs.py)."""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rag_service.cli.context import WORSE, Session, service_command
from rag_service.cli.told import differing_documents, moment, number

if TYPE_CHECKING:
    from rag_service.client import Json

_LEAST_TOLD = 0.001

_run_id = click.argument("run_id", metavar="RUN")


@click.command("list")
@click.option("--corpus", help="Only runs over this corpus.")
@click.option("--suite", help="Only runs of this suite, such as golden.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="At most this many.")
@service_command
def list_runs(session: Session, corpus: str | None, suite: str | None, limit: int) -> None:
    """List the runs, newest first."""
    runs = list(islice(session.client.eval_runs(corpus=corpus, suite=suite), limit))
    session.show(runs, "\n".join(_line(each) for each in runs) or "No runs. `rag eval run golden` makes one.")


@click.command("show")
@_run_id
@service_command
def show(session: Session, run_id: str) -> None:
    """Show the figures of a run, how many questions they rest on, and what decided them."""
    run = session.client.eval_run(run_id)
    session.show(run, "\n".join(_run_lines(run)))


@click.command("compare", epilog="Exit code 6: RUN_B is worse than RUN_A by more than chance.")
@click.argument("run_a")
@click.argument("run_b")
@service_command
def compare(session: Session, run_a: str, run_b: str) -> None:
    """Say how RUN_B differs from RUN_A, figure by figure and question by question."""
    found = session.client.compare_evals(run_a, run_b)
    session.show(found, "\n".join(_comparison_lines(found)))
    if found["worse"]:
        raise click.exceptions.Exit(WORSE)


@click.command("export")
@_run_id
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; standard output without.")
@service_command
def export(session: Session, run_id: str, out: Path | None) -> None:
    """Write a run as JSON lines: first the run, then a line for each case."""
    lines = session.client.export_eval(run_id)
    if out is None:
        sys.stdout.write(lines)
        return
    _write(session, out, lines)


@click.command("html")
@_run_id
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; else RUN.html here.")
@service_command
def html(session: Session, run_id: str, out: Path | None) -> None:
    """Write a run as one page without scripts, to attach to a mail or a pull request."""
    _write(session, out or Path(f"{run_id}.html"), session.client.eval_report(run_id))


def _write(session: Session, path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise click.ClickException(f"{path} cannot be written: {exc.strerror}") from exc
    session.show({"path": str(path)}, f"Written to {path}.")


def _line(run: "Json") -> str:
    version = "-" if run["version"] is None else str(run["version"])
    outcome = {True: "passed", False: "a target was missed", None: ""}[run["passed"]]
    facts = f"{run['suite']}@{version}  {run['purpose']}  {run['state']} {run['done']}/{run['total']}"
    return "  ".join(filter(None, (run["id"], moment(run["created_at"]), facts, outcome)))


def _run_lines(run: "Json") -> Iterator[str]:
    yield _line(run)
    for figure in run["figures"]:
        yield _figure_line(figure)
    for name, value in run["made_with"].items():
        yield f"  {name}: {value}"
    yield from (f"  {note}" for note in run["notes"])
    if run["error"]:
        yield f"It could not be measured: {run['error']}"


def _figure_line(figure: "Json") -> str:
    bounds = "" if figure["low"] is None else f" ({number(figure['low'])} to {number(figure['high'])})"
    target = {True: "  reached", False: "  MISSED", None: ""}[figure["passed"]]
    missing = "".join(f"; {count} × {reason}" for reason, count in figure["missing"].items())
    coverage = f"{figure['measured']} of {figure['total']}{missing}"
    return f"{figure['name']:<28}{number(figure['value']):>8}{bounds}{target}  {coverage}"


def _comparison_lines(found: "Json") -> Iterator[str]:
    left_out = "".join(f"; {count} {reason}" for reason, count in found["left_out"].items())
    yield f"{found['common']} questions in both runs{left_out}."
    for one in found["outcomes"]:
        change = f"{one['before']} -> {one['after']} of {one['pairs']}, {one['lost']} lost, {one['won']} won"
        yield f"{one['name']:<28}{change}{_verdict(one)}"
    for one in found["metrics"]:
        bounds = "" if one["low"] is None else f" ({number(one['low'], sign='+')} to {number(one['high'], sign='+')})"
        change = f"{number(one['before'])} -> {number(one['after'])}  {number(one['difference'], sign='+')}{bounds}"
        yield f"{one['name']:<28}{change}{_verdict(one)}"
    yield from (f"made with another {one['name']}: {one['before']} -> {one['after']}" for one in found["settings"])
    yield from differing_documents(found["documents"]) if found["documents"] else ()
    for question in found["questions"]:
        yield from _question(question)
    yield from found["notes"]
    yield from _cause_lines(found)
    yield "The second run is worse." if found["worse"] else "No figure is worse by more than chance."


def _cause_lines(found: "Json") -> Iterator[str]:
    worse = sum(question["turn"] == "worse" for question in found["questions"])
    for one in found["causes"]:
        count = f"{one['worse_questions']} of {worse} worse questions"
        yield f"What may be why of {count}: {one['name']} {one['before'] or 'none'} -> {one['after'] or 'none'}"
    if found["unexplained"]:
        yield f"Nothing that is known of the runs can be why of {found['unexplained']} of {worse} worse questions."


def _verdict(change: "Json") -> str:
    if not change["turn"]:
        return ""
    p_value = "p < 0.001" if change["p_value"] < _LEAST_TOLD else f"p = {change['p_value']:.3f}"
    return f"  {change['turn'].upper()} ({p_value})"


def _question(question: "Json") -> Iterator[str]:
    yield f"{question['turn']}: {question['question']} ({', '.join(question['reasons'])})"
    for name in ("before", "after"):
        answer = question[name]
        yield f"  {name}: [{answer['status']}] {answer['text']}"
    if question["documents"]:
        yield f"  changed documents: {', '.join(question['documents'])}"
    if question["causes"]:
        yield f"  what may be why: {', '.join(question['causes'])}"
