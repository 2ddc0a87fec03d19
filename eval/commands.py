"""What the commands of the harness share: which key and which judge, where reports go and how they are shown."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr
from rich.console import Console

from eval.judging import judge_of
from eval.metrics.ragas import Judge
from eval.report import as_json, print_report, write_report
from rag_service.api.run_report import Report
from rag_service.settings import EvaluationSettings

_OPTIONS = (
    click.option("--key", envvar="RAGCTL_KEY", help="API key (RAGCTL_KEY)."),
    click.option("--key-file", type=click.Path(path_type=Path), help="File with the key."),
    click.option(
        "--judge-url", envvar="RAGCTL_JUDGE_URL", help="OpenAI-compatible endpoint that judges (RAGCTL_JUDGE_URL)."
    ),
    click.option("--judge-model", envvar="RAGCTL_JUDGE_MODEL", help="Its model (RAGCTL_JUDGE_MODEL)."),
    click.option("--judge-key", envvar="RAGCTL_JUDGE_KEY", default="", help="Its key (RAGCTL_JUDGE_KEY)."),
    click.option(
        "--out",
        default=Path("reports"),
        type=click.Path(path_type=Path),
        show_default=True,
        help="Folder of the reports.",
    ),
    click.option("--json", "prints_json", is_flag=True, help="Print the report as JSON."),
)


def shared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def named_judge(settings: EvaluationSettings, url: str | None, model: str | None, key: str) -> Judge | None:
    """Return the judge that was named, else that of the settings, which also say how it is asked."""
    if bool(url) != bool(model):
        raise click.UsageError("A judge needs both --judge-url and --judge-model.")
    # The key goes with its judge: that of the settings is not for another host.
    named = {"judge_url": url, "judge_model": model, "judge_key": SecretStr(key)} if url else {}
    return judge_of(settings.model_copy(update=named))


def show_report(report: Report, *, out: Path, prints_json: bool) -> None:
    """Write a report into its folder, and print it."""
    json_path, html_path = write_report(report, out)
    if prints_json:
        click.echo(json.dumps(as_json(report), ensure_ascii=False))
    else:
        print_report(report, Console())
        click.echo(f"Report: {html_path} and {json_path}")


def tell(message: str) -> None:
    """Show how far a command is, to a person who looks."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{message}", nl=False, err=True)
