"""`rag source`: documents that come from a folder, a git repository, a website or an object store."""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

import click

from rag_service.cli.context import REFUSED, Session, corpus_option, service_command
from rag_service.cli.source_runs import diff, line_of_counts, sync
from rag_service.errors import InvalidRequest

if TYPE_CHECKING:
    from rag_service.client import Json

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@click.group()
def source() -> None:
    """Keep a corpus in step with where its documents live. SOURCE is a source's name or id."""


def _settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--publish", type=click.Choice(["automatic", "hold"]), help="hold: leave each run in a draft."),
        click.option("--every", help="Pause between two runs, as 30m, 12h or 1d; 0: only by hand."),
        click.option(
            "--credentials",
            type=click.Path(path_type=Path),
            help="File with the credentials as a JSON object; they are kept encrypted and never shown again.",
        ),
        click.option(
            "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting; repeated it is a list."
        ),
    ):
        command = option(command)
    return command


@source.command("add")
@click.argument("name")
@click.argument("kind", type=click.Choice(["folder", "git", "website", "object_store"]))
@click.argument("place")
@corpus_option
@_settings_options
@service_command
def add(session: Session, /, name: str, kind: str, place: str, corpus: str, **given: Any) -> None:
    """Set up a source: PLACE is a path for a folder, else an address. Nothing is fetched before its first run."""
    settings = {"path" if kind == "folder" else "url": place} | _settings(given["settings"])
    body = {"name": name, "kind": kind, "settings": settings} | _others(given)
    made = session.client.add_source(corpus, body)
    session.show(made, f"{name} is set up ({made['id']}). Run it with: rag source sync {name} --corpus {corpus}")


@source.command("change")
@click.argument("source")
@corpus_option
@_settings_options
@service_command
def change(session: Session, /, source: str, corpus: str, **given: Any) -> None:
    """Change settings, credentials, schedule or publishing of a source."""
    settings = _settings(given["settings"])
    body = ({"settings": settings} if settings else {}) | _others(given)
    session.show(session.client.change_source(corpus, source, body), f"{source} is changed.")


@source.command("list")
@corpus_option
@service_command
def list_sources(session: Session, corpus: str) -> None:
    """List the sources of a corpus, each with its newest run."""
    found = session.client.sources(corpus)
    session.show(found, "\n".join(_line(each) for each in found) or "No sources.")


@source.command("show")
@click.argument("source")
@corpus_option
@service_command
def show(session: Session, source: str, corpus: str) -> None:
    """Show a source, its settings and its newest run."""
    found = session.client.source(corpus, source)
    settings = [f"  {name}: {_shown(value)}" for name, value in found["settings"].items() if value not in ("", [])]
    secrets = [f"  credentials: {', '.join(found['credentials'])}"] if found["credentials"] else []
    pause = [f"  every {found['every_s']} s"] if found["every_s"] else []
    session.show(found, "\n".join([_line(found), *settings, *secrets, *pause]))


@source.command("remove")
@click.argument("source")
@corpus_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@service_command
def remove(session: Session, source: str, corpus: str, *, yes: bool) -> None:
    """Remove a source. Its documents stay in the corpus."""
    if not yes and not click.confirm(f"Remove the source {source} of {corpus}?"):
        raise click.exceptions.Exit(REFUSED)
    session.show(session.client.remove_source(corpus, source), f"{source} is removed; its documents stay.")


for run_command in (sync, diff):
    source.add_command(run_command)


def _settings(given: tuple[str, ...]) -> dict[str, Any]:
    """Return settings with their types; a list is given line by line."""
    types = _types()
    found: dict[str, Any] = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator:
            raise click.BadParameter(f"{one} is not NAME=VALUE", param_hint="--set")
        kind = types.get(name, str)
        if get_origin(kind) is tuple:
            found[name] = [*found.get(name, []), *([value] if value else [])]
        else:
            found[name] = value if kind is str else _typed(value)
    return found


def _types() -> dict[str, Any]:
    from rag_service.domain.sources import SOURCE_KINDS  # noqa: PLC0415

    return {field.name: field.type for kind in SOURCE_KINDS.values() for field in fields(kind)}


def _typed(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value  # the service says what it should be


def _others(given: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if given["publish"]:
        body["publish"] = given["publish"]
    if given["every"]:
        body["every_s"] = _seconds(given["every"])
    if given["credentials"]:
        body["credentials"] = _read_credentials(given["credentials"])
    return body


def _seconds(text: str) -> int:
    number, unit = (text[:-1], text[-1]) if text[-1] in _UNITS else (text, "s")
    if not number.isdecimal():
        raise click.BadParameter(f"{text} is not a pause such as 30m, 12h or 1d", param_hint="--every")
    return int(number) * _UNITS[unit]


def _read_credentials(path: Path) -> dict[str, str]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise InvalidRequest(f"The credentials in {path} cannot be read as a JSON object.") from exc
    if not isinstance(read, dict):
        raise InvalidRequest(f"The credentials in {path} are not a JSON object.")
    return read


def _line(each: "Json") -> str:
    run = each["last_run"]
    last = f"{run['state']}: {line_of_counts(run['counts'])}" if run else "never run"
    return f"{each['id']}  {each['kind']:<12}  {each['name']}  ({last})"


def _shown(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
