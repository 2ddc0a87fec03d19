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


@corpus.command("retention")
@click.argument("name")
@click.option("--keep-versions", type=click.IntRange(min=1), help="Keep this many of the newest versions.")
@click.option(
    "--keep-days", type=click.IntRange(min=0), help="Keep others for this many days after people last asked them."
)
@service_command
def retention(session: Session, name: str, keep_versions: int | None, keep_days: int | None) -> None:
    """Show or set how long versions are kept; the published one and those with a label stay for ever."""
    kept = session.client.retention(name)
    if keep_versions is not None or keep_days is not None:
        kept = session.client.set_retention(
            name,
            keep_versions=kept["keep_versions"] if keep_versions is None else keep_versions,
            keep_days=kept["keep_days"] if keep_days is None else keep_days,
        )
    session.show(kept, _kept(kept))


def _kept(retention: dict[str, Any]) -> str:
    numbers = ", ".join(map(str, retention["droppable"])) or "none"
    return (
        f"Kept are the newest {retention['keep_versions']} versions and those that people asked within "
        f"{retention['keep_days']} days. Of {retention['versions']} versions the next round removes: {numbers}."
    )


@corpus.command("rebuild")
@click.argument("name")
@service_command
def rebuild(session: Session, name: str) -> None:
    """Build a corpus under the settings of the service, in the background.

    Questions are answered from the old build until the new one is complete; then it is published, and can be rolled back.
    """
    job = session.client.rebuild(name)
    session.show(job, f"{job['id']} builds {name}. `rag job watch {job['id']}` shows how far it is.")


@corpus.command("builds")
@click.argument("name")
@service_command
def list_builds(session: Session, name: str) -> None:
    """List under which settings a corpus is built; a star marks the build that answers questions."""
    builds = session.client.builds(name)
    session.show(builds, "\n".join(_build_line(each) for each in builds))


@corpus.command("gaps")
@click.argument("name")
@click.option(
    "--days", type=click.IntRange(1, 3650), help="Look at the questions of so many days; else as the service is set."
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Gaps to show.")
@service_command
def gaps(session: Session, name: str, days: int | None, limit: int) -> None:
    """Show what people ask and the documents leave open: refused and disliked questions, by what they are about.

    A question that is to be answered from now on: rag golden add "…" --corpus NAME
    """
    found = session.client.gaps(name, days=days)
    session.show(
        found, "\n".join([*(line for gap in found["gaps"][:limit] for line in _gap_lines(gap)), _gap_count(found)])
    )


def _gap_lines(gap: dict[str, Any]) -> list[str]:
    counts = [f"{gap[kind]} {kind}" for kind in ("abstained", "partial", "disliked") if gap[kind]]
    asked = [f"{gap['questions']} questions", f"{gap['people']} people", *counts]
    known = ["is a golden question"] if gap["is_golden"] else []
    name = [" · ".join(gap["words"])] if gap["words"] else []
    return [*name, f"  “{gap['medoid']['question']}”", f"  {', '.join([*asked, *known])}"]


def _gap_count(found: dict[str, Any]) -> str:
    older = " Older questions of this time were left out." if found["truncated"] else ""
    return f"{found['questions']} open questions, {len(found['gaps'])} gaps; {found['alone']['questions']} are like no other.{older}"


def _build_line(each: dict[str, Any]) -> str:
    model = f"{each['model']}, {each['dimensions']} dimensions" if each["model"] else "settings not noted"
    cutting = f", {each['target_tokens']} tokens" if each["target_tokens"] else ""
    filled = f", {each['done']} of {each['total']} documents" if each["state"] == "filling" else ""
    return f"{'*' if each['current'] else ' '} {each['id'][:8]}  {model}{cutting}  ({each['state']}{filled})"


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
    weight = each.get("dense_weight")
    parts += [] if weight is None else [f"meaning counts up to {weight:.0%}, as learned"]
    return f"{each['id']}  {each['name']}  ({', '.join(parts)})"
