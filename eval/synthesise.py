"""`python -m eval.synthesise`, also as `rag eval synthesise`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from eval.bootstrap import open_evaluation
from eval.commands import named_judge
from eval.testset import Proposed, propose_by_judge
from rag_service.cli.context import Refusal, corpus_option, secret_of
from rag_service.errors import InvalidRequest, RagError
from rag_service.settings import read_settings
from rag_service.use_cases.golden_growth import MOST_SYNTHESISED


@click.command()
@corpus_option
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, MOST_SYNTHESISED), help="Paragraphs to ask about."
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Another seed takes others.")
@click.option("--key", envvar="RAGCTL_KEY", help="API key (RAGCTL_KEY).")
@click.option("--key-file", type=click.Path(path_type=Path), help="File with the key.")
@click.option(
    "--judge-url", envvar="RAGCTL_JUDGE_URL", help="OpenAI-compatible endpoint that writes (RAGCTL_JUDGE_URL)."
)
@click.option("--judge-model", envvar="RAGCTL_JUDGE_MODEL", help="Its model (RAGCTL_JUDGE_MODEL).")
@click.option("--judge-key", envvar="RAGCTL_JUDGE_KEY", default="", help="Its key (RAGCTL_JUDGE_KEY).")
@click.option("--json", "prints_json", is_flag=True, help="Print what was proposed as JSON.")
def main(*, corpus: str, prints_json: bool, **options: Any) -> None:
    """Propose golden questions that the judge writes about paragraphs of a corpus (RAGAS's test-set generation).

    The paragraphs are sent to the judge. Each proposal waits for a person; `rag golden synthesise` needs no judge.
    """
    try:
        found = asyncio.run(_proposed(corpus, options))
    except RagError as exc:
        raise Refusal(exc, as_json=prints_json) from exc
    click.echo(json.dumps(_row(found), ensure_ascii=False) if prints_json else _told(found, corpus))


async def _proposed(corpus: str, options: dict[str, Any]) -> Proposed:
    settings = read_settings()
    judge = named_judge(settings.evaluation, options["judge_url"], options["judge_model"], options["judge_key"])
    if judge is None:
        raise InvalidRequest("There is no judge: give --judge-url and --judge-model, or set RAG_EVALUATION__JUDGE_URL.")
    async with open_evaluation(settings, secret_of(options["key"], options["key_file"])) as evaluation:
        return await propose_by_judge(evaluation, judge, corpus=corpus, seed=options["seed"], limit=options["limit"])


def _row(found: Proposed) -> dict[str, Any]:
    grown = found.grown
    return {
        "paragraphs": found.paragraphs,
        "added": [question.id for question in grown.added],
        "duplicates": grown.duplicates,
        "refused": [one.message for one in grown.refused],
        "failures": dict(found.failures),
    }


def _told(found: Proposed, corpus: str) -> str:
    failures = [f"{count} × {reason}" for reason, count in found.failures.items()]
    refused = [one.message for one in found.grown.refused]
    told = (
        f"{len(found.grown.added)} proposed of {found.paragraphs} paragraphs, {found.grown.duplicates} there already."
    )
    return "\n".join([*failures, *refused, f"{told} Review them with: rag golden review --corpus {corpus}"])


if __name__ == "__main__":
    main()
