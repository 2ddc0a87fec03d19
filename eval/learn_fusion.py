"""`python -m eval.learn_fusion`, also as `rag eval learn-fusion`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from eval.bootstrap import Evaluation, open_evaluation
from eval.commands import tell
from eval.fusion_choice import FusionChoice
from eval.fusion_learning import LearnFusion
from rag_service.cli.context import Refusal, corpus_option, secret_of
from rag_service.domain.significance import LEVEL
from rag_service.errors import RagError
from rag_service.settings import read_settings


@click.command()
@corpus_option
@click.option("--apply", "applies", is_flag=True, help="Keep what was chosen; a weight that is no better is dropped.")
@click.option("--reset", "resets", is_flag=True, help="Forget what the corpus has learned, and ask nothing.")
@click.option("--key", envvar="RAGCTL_KEY", help="API key (RAGCTL_KEY).")
@click.option("--key-file", type=click.Path(path_type=Path), help="File with the key.")
@click.option("--json", "prints_json", is_flag=True, help="Print what was found as JSON.")
def main(*, corpus: str, applies: bool, resets: bool, prints_json: bool, **options: Any) -> None:
    """Learn of a corpus's golden questions how much meaning counts beside words when it is searched.

    It takes 30 accepted golden questions with quotes. Without --apply nothing is changed.
    """
    if applies and resets:
        raise click.UsageError("Give --apply or --reset, not both.")
    try:
        told = asyncio.run(_told(corpus, options, applies=applies, resets=resets))
    except RagError as exc:
        raise Refusal(exc, as_json=prints_json) from exc
    click.echo(json.dumps(told) if prints_json else text_of(told))


async def _told(corpus: str, options: dict[str, Any], *, applies: bool, resets: bool) -> dict[str, Any]:
    async with open_evaluation(read_settings(), secret_of(options["key"], options["key_file"])) as evaluation:
        return await learned(evaluation, corpus, applies=applies, resets=resets)


async def learned(
    evaluation: Evaluation, corpus: str, *, applies: bool = False, resets: bool = False
) -> dict[str, Any]:
    """Return what was found, for programs, and the weight that the corpus has of its own from now on."""
    learn, row = LearnFusion(evaluation), {}
    if resets:
        await learn.keep(corpus, None)
    else:
        choice = await learn.choose(corpus, tell=tell)
        tell("")
        row = {"applied": applies, **_row(choice)}
        if applies:
            await learn.keep(corpus, choice.learned)
    return {"corpus": corpus, "dense_weight": (await learn.corpus(corpus)).dense_weight, **row}


def text_of(told: dict[str, Any]) -> str:
    """Return what was found, for people."""
    kept = told["dense_weight"]
    now = f"{told['corpus']} is searched with " + ("the usual weight." if kept is None else f"its own weight, {kept}.")
    return "\n".join([*_table(told), _verdict(told), now]) if "learned" in told else now


def _row(choice: FusionChoice) -> dict[str, Any]:
    return {
        "questions": choice.questions,
        "default": choice.default,
        # As text: JSON has no other keys.
        "ndcg_at_10": {str(weight): round(mean, 4) for weight, mean in choice.means.items()},
        "held_out": round(choice.held_out, 4),
        "p_value": round(choice.p_value, 4),
        "learned": choice.learned,
    }


def _table(told: dict[str, Any]) -> list[str]:
    marks = {str(told["default"]): "  default", str(told["learned"]): "  chosen"}
    rows = [f"{weight:>6}  {mean:.4f}{marks.get(weight, '')}" for weight, mean in told["ndcg_at_10"].items()]
    return [f"weight  nDCG@10 ({told['questions']} questions)", *rows]


def _verdict(told: dict[str, Any]) -> str:
    found = f"Of questions held out: {told['held_out']:.4f} (p = {told['p_value']:.4f})."
    if told["learned"] is None:
        return f"{found} Not better than the default by more than chance (p < {LEVEL}): the default stays."
    advice = "" if told["applied"] else " --apply keeps it."
    return f"{found} Better than the default: {told['learned']}.{advice}"


if __name__ == "__main__":
    main()
