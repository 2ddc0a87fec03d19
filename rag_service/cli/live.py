"""`rag eval live`: how the answers that people get were scored, and what of them has drifted."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rag_service.cli.context import Session, service_command
from rag_service.cli.told import number

if TYPE_CHECKING:
    from rag_service.client import Json


@click.command("live")
@click.argument("corpus")
@service_command
def live(session: Session, corpus: str) -> None:
    """Show how a sample of the answers that people get from CORPUS was scored, and what is not as it was before."""
    found = session.client.live_answers(corpus)
    session.show(found, "\n".join(_lines(found)))


def _lines(found: "Json") -> Iterator[str]:
    if not found["days"]:
        yield "No answers were scored in the last two weeks. The evaluation worker scores what people are told."
    for day in found["days"]:
        yield f"{day['day']}  {day['scored']} answers scored"
        yield from (
            f"  {name:<28}{number(mean['value']):>10}  of {mean['measured']}" for name, mean in day["means"].items()
        )
    if found["newest"]:
        yield f"Window to {_day(found['newest'][0]['window_end'])}, beside the days before:"
        yield from (f"{'! ' if one['has_drifted'] else '  '}{one['told']}" for one in found["newest"])
    if found["earlier"]:
        yield "Drifted before:"
        yield from (f"  {_day(one['window_end'])}  {one['told']}" for one in found["earlier"])


def _day(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
