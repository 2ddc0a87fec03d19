"""`python -m eval.run SUITE`, also as `rag eval run SUITE`."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr
from rich.console import Console

from eval.bootstrap import open_evaluation
from eval.judging import judge_of
from eval.metrics.ragas import Judge
from eval.report import as_json, print_report, write_report
from eval.running import Plan, run_suite
from eval.suites import LabelsSuite, RetrievalSuite, read_suite, suite_names
from rag_service.api.run_report import Report
from rag_service.cli.context import Refusal, connect, secret_of
from rag_service.errors import InvalidRequest, RagError
from rag_service.settings import EvaluationSettings, read_settings

MISSED = 4
_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@click.command(
    epilog="\b\nExit codes:\n  0  measured, and no target missed; absent data is skipped\n"
    "  1  could not be measured\n  2  the command was not understood\n  4  a target was missed"
)
@click.argument("suite", metavar=f"[{'|'.join(suite_names())}]")
@click.option("--corpus", help="Corpus to use instead of the suite's own: NAME, NAME@VERSION or NAME@draft.")
@click.option(
    "--data", default=_DATA, type=click.Path(path_type=Path), show_default=True, help="Folder with the data sets."
)
@click.option("--set", "only", multiple=True, help="Only this set of a retrieval suite (repeatable).")
@click.option("--limit", type=click.IntRange(1), help="At most this many queries or questions of each set.")
@click.option("--url", envvar="RAGCTL_URL", help="Address of the service (RAGCTL_URL).")
@click.option("--key", envvar="RAGCTL_KEY", help="API key (RAGCTL_KEY).")
@click.option("--key-file", type=click.Path(path_type=Path), help="File with the key.")
@click.option(
    "--judge-url", envvar="RAGCTL_JUDGE_URL", help="OpenAI-compatible endpoint that judges (RAGCTL_JUDGE_URL)."
)
@click.option("--judge-model", envvar="RAGCTL_JUDGE_MODEL", help="Its model (RAGCTL_JUDGE_MODEL).")
@click.option("--judge-key", envvar="RAGCTL_JUDGE_KEY", default="", help="Its key (RAGCTL_JUDGE_KEY).")
@click.option("--ragas/--no-ragas", "with_ragas", default=True, help="Measure RAGAS metrics too (the default).")
@click.option("--again", "is_fresh", is_flag=True, help="Ask also what another run asked of this version already.")
@click.option(
    "--out", default=Path("reports"), type=click.Path(path_type=Path), show_default=True, help="Folder of the reports."
)
@click.option("--json", "prints_json", is_flag=True, help="Print the report as JSON.")
def main(suite: str, *, out: Path, prints_json: bool, **options: Any) -> None:
    """Measure a suite against the running service. What is asked of a corpus is kept as a run of it.

    golden asks the golden questions of any corpus; sample those that ship with the handbook.
    """
    try:
        report = asyncio.run(_run(suite, options))
    except RagError as exc:
        raise Refusal(exc, as_json=prints_json) from exc
    json_path, html_path = write_report(report, out)
    if prints_json:
        click.echo(json.dumps(as_json(report), ensure_ascii=False))
    else:
        print_report(report, Console())
        click.echo(f"Report: {html_path} and {json_path}")
    sys.exit(MISSED if report.passed is False else 0)


async def _run(name: str, options: dict[str, Any]) -> Report:
    settings = read_settings()
    plan = Plan(
        name=name,
        suite=read_suite(name),
        data=options["data"],
        corpus=options["corpus"],
        limit=options["limit"],
        only=frozenset(options["only"]),
        judge=named_judge(settings.evaluation, options["judge_url"], options["judge_model"], options["judge_key"]),
        with_ragas=options["with_ragas"],
        is_fresh=options["is_fresh"],
    )
    _check_sets(plan)
    secret = secret_of(options["key"], options["key_file"])
    with connect(options["url"], secret, None) as client:
        async with open_evaluation(settings, secret) as evaluation:
            report = await run_suite(plan, evaluation, client, tell=_tell)
            _tell("")
            return report


def _check_sets(plan: Plan) -> None:
    known = {one.folder for one in plan.suite.sets} if isinstance(plan.suite, RetrievalSuite | LabelsSuite) else set()
    if unknown := sorted(plan.only - known):
        raise InvalidRequest(
            f"The suite {plan.name} has no set {unknown[0]}. It has {', '.join(sorted(known)) or 'none'}."
        )


def named_judge(settings: EvaluationSettings, url: str | None, model: str | None, key: str) -> Judge | None:
    """Return the judge that was named, else that of the settings, which also say how it is asked."""
    if bool(url) != bool(model):
        raise click.UsageError("A judge needs both --judge-url and --judge-model.")
    # The key goes with its judge: that of the settings is not for another host.
    named = {"judge_url": url, "judge_model": model, "judge_key": SecretStr(key)} if url else {}
    return judge_of(settings.model_copy(update=named))


def _tell(message: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{message}", nl=False, err=True)


if __name__ == "__main__":
    main()
