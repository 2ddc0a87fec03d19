"""What every command shares: where the service is, which key to use, how to print and how to fail.

Only click is imported at the top here and in the commands: `rag --help` answers at once.
"""

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from rag_service.errors import Misconfigured, RagError

if TYPE_CHECKING:
    from rich.console import Console

    from rag_service.client import Client

P = ParamSpec("P")

REFUSED = 1
ABSTAINED = 3
INCOMPLETE = 4
BLOCKED = 5
WORSE = 6

EXIT_CODES = """\b
Exit codes:
  0  done
  1  the service refused, could not be reached, or did not finish a job
  2  the command was not understood
  3  `ask`: the documents do not say
  4  `ingest`, `draft add`: some documents are not in the corpus or draft;
     `golden import`: some lines are no questions of the corpus
  5  `draft publish`: the golden questions hold the draft back
  6  `eval compare`: the second run is worse by more than chance
"""

_AS_JSON = "rag_service.cli.as_json"


corpus_option = click.option("--corpus", required=True, help="Name of the corpus.")


class Session:
    """A command's connection and its way of printing."""

    def __init__(self, client: "Client", *, as_json: bool) -> None:
        self.client = client
        self.as_json = as_json

    def show(self, value: object, text: str) -> None:
        """Print `value` for machines or `text` for people."""
        click.echo(json.dumps(value, ensure_ascii=False) if self.as_json else text)


class Refusal(click.ClickException):
    """An error as it is shown: one message, one hint, never a traceback."""

    exit_code = REFUSED

    def __init__(self, exc: RagError, *, as_json: bool) -> None:
        super().__init__(str(exc))
        self._advice = str(getattr(exc, "advice", ""))
        self._as_json = as_json

    def show(self, file: Any = None) -> None:
        """Print to standard error."""
        if self._as_json:
            click.echo(json.dumps({"error": {"message": self.message, "advice": self._advice}}), err=True)
            return
        click.echo(f"Error: {self.message}", err=True)
        if self._advice:
            click.echo(self._advice, err=True)


class ReadableGroup(click.Group):
    """A group whose commands may raise our errors."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn our errors into messages."""
        try:
            return super().invoke(ctx)
        except RagError as exc:
            raise Refusal(exc, as_json=bool(ctx.meta.get(_AS_JSON))) from exc


def service_command(function: Callable[Concatenate[Session, P], None]) -> Callable[P, None]:
    """Add the options that say where the service is, and pass a `Session` first."""

    @click.option(
        "--url", envvar="RAGCTL_URL", help="Address of the service (RAGCTL_URL); else 127.0.0.1 and RAG_PORT."
    )
    @click.option("--key", envvar="RAGCTL_KEY", help="API key (RAGCTL_KEY); else the one in --key-file.")
    @click.option(
        "--key-file", type=click.Path(path_type=Path), help="File with the key; else admin.key in RAG_DATA_DIR."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
    @click.pass_context
    @wraps(function)
    def command(ctx: click.Context, /, *args: P.args, **options: P.kwargs) -> None:
        given: dict[str, Any] = dict(options)
        url, key, key_file = given.pop("url"), given.pop("key"), given.pop("key_file")
        as_json = ctx.meta[_AS_JSON] = bool(given.pop("as_json"))
        with connect(url, key, key_file) as client:
            function(Session(client, as_json=as_json), *args, **given)

    return command


def connect(url: str | None, key: str | None, key_file: Path | None) -> "Client":
    """Return a client; what is not given comes from the service's own settings on this machine."""
    from rag_service.client import Client  # noqa: PLC0415  (HTTP is loaded by commands that need it)

    return Client(url or _local_url(), secret_of(key, key_file))


def secret_of(key: str | None, key_file: Path | None) -> str:
    """Return the key that was given, or the one in a file; else the first key of the service on this machine."""
    return key or _read_key(key_file or _local_key_file())


def progress_console() -> "Console":
    """Return where progress is drawn: standard error, so that output can be piped."""
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True)


def _read_key(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as exc:
        raise Misconfigured(
            f"No key: {path} is not there. Give --key, RAGCTL_KEY or --key-file, or start the service once."
        ) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise Misconfigured(f"The key file {path} cannot be read: {exc}") from exc


def _local_url() -> str:
    from rag_service.settings import read_settings  # noqa: PLC0415  (pydantic is slow to load)

    return f"http://127.0.0.1:{read_settings().port}"


def _local_key_file() -> Path:
    from rag_service.settings import read_settings  # noqa: PLC0415

    return read_settings().data_dir / "admin.key"
