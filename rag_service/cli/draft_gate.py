"""`rag draft gate` and `rag draft accept`: what golden questions say of a draft, and taking that upon oneself."""

import shlex
from typing import TYPE_CHECKING

import click

from rag_service.cli.context import BLOCKED, REFUSED, Session, corpus_option, service_command
from rag_service.cli.waiting import fail, wait_with_line

if TYPE_CHECKING:
    from rag_service.client import Json


_HELD_BACK = ("blocked", "unmeasured")


@click.command("gate")
@click.argument("draft")
@corpus_option
@service_command
def gate(session: Session, draft: str, corpus: str) -> None:
    """Show what the golden questions of the corpus say of a draft."""
    found = session.client.gate(corpus, draft)
    session.show(found, gate_in_words(found))


@click.command("accept")
@click.argument("draft")
@corpus_option
@click.option("--question", "questions", multiple=True, required=True, help="Id of a question. May be repeated.")
@click.option("--reason", required=True, help="Why this is accepted; it is kept and shown.")
@service_command
def accept(session: Session, draft: str, corpus: str, questions: tuple[str, ...], reason: str) -> None:
    """Accept that golden questions are worse with a draft; publish it again when all are accepted."""
    found = session.client.accept_regressions(corpus, draft, questions, reason=reason)
    left = [each["question_id"] for each in found["regressions"] if not each["acceptance"]]
    publish = _command("publish", corpus=corpus, draft=draft)
    what_now = f"Still to accept: {', '.join(left)}." if left else f"Publish it: {publish}"
    session.show(found, f"{len(set(questions))} accepted. {what_now}")


def finish_publish(session: Session, job: "Json", *, corpus: str, draft: str) -> None:
    """Wait until a draft is published, through its gate, and say how it ended.

    The exit code is BLOCKED when the gate holds it back, and 1 when it is not published for another reason.
    """
    # The draft by its id: its name is free again, and may be another's, once it is published.
    draft_id, next_id = job["subject"], job["id"]
    while next_id:
        ended = wait_with_line(session, next_id)
        found = session.client.gate(corpus, draft_id)
        next_id = found["job_id"] if ended["state"] == "succeeded" else None
    if found["draft_state"] == "published":
        session.show(ended, f"{draft} is published.")
        return
    if ended["state"] != "succeeded" and found["state"] not in _HELD_BACK:
        fail(session, ended)
    session.show(found, "\n".join([gate_in_words(found), *_what_to_do(found, corpus=corpus, draft=draft)]))
    raise click.exceptions.Exit(BLOCKED if found["state"] in _HELD_BACK else REFUSED)


def gate_in_words(found: "Json") -> str:
    """Return a gate as people read it."""
    reason = [f"Reason: {found['reason']}"] if found["reason"] else []
    is_older = found["verdict"] and not found["is_current"]
    older = ["The verdict is about an earlier seal of this draft."] if is_older else []
    regressions = [_regression(each) for each in found["regressions"]]
    return "\n".join([found["state_note"], found["strength_note"], *older, *reason, *regressions])


def _regression(each: "Json") -> str:
    if each["hidden"]:
        lines = ["  Its words are hidden: they are for who may publish and see its documents."]
    else:
        lines = [
            f"  published  {_answer(each['before'])}",
            f"  draft      {_answer(each['after'])}",
            *(f"  because    {one['document_key']} {one['explanation']}" for one in each["responsible"]),
        ]
    head = f"\n{each['question_id']}  {each['question']}".rstrip()
    return "\n".join([head, f"  {each['explanation']}", *lines, *_acceptance(each["acceptance"])])


def _answer(answer: "Json") -> str:
    text = " ".join(answer["text"].split()) or "no answer"
    cited = f" [{', '.join(answer['cited'])}]" if answer["cited"] else ""
    return f"{answer['status']}: {text}{cited}"


def _acceptance(acceptance: "Json | None") -> list[str]:
    if not acceptance:
        return []
    who = acceptance["accepted_by_name"] or acceptance["accepted_by"]
    return [f"  accepted   by {who}: {acceptance['reason']}"]


def _what_to_do(found: "Json", *, corpus: str, draft: str) -> list[str]:
    if found["state"] != "blocked":
        return [f"{draft} is not published."]
    left = [each["question_id"] for each in found["regressions"] if not each["acceptance"]]
    accepting = " ".join(f"--question {shlex.quote(question_id)}" for question_id in left)
    return [
        f"\n{draft} is not published; ask it as {corpus}@draft. Mend it, or accept what is worse:",
        f"  {_command('accept', corpus=corpus, draft=draft)} {accepting} --reason …",
    ]


def _command(name: str, *, corpus: str, draft: str) -> str:
    return f"rag draft {name} {shlex.quote(draft)} --corpus {shlex.quote(corpus)}"
