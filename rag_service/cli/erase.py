"""`rag erase`: remove a document, a person's data or a corpus everywhere, and check receipts."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rag_service.cli.context import Session, service_command
from rag_service.errors import InvalidRequest, Misconfigured

if TYPE_CHECKING:
    from rag_service.client import Json

_POLL_S = 0.5
_DONE = "done"
_SIGNED = ("receipt", "signature", "public_key")

_wait_option = click.option("--no-wait", is_flag=True, help="Return at once instead of waiting for the receipt.")
_output_option = click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the signed receipt into this file."
)


@click.group()
def erase() -> None:
    """Remove a document, a person's data or a corpus everywhere, with a signed receipt."""


@erase.command("document")
@click.argument("document_id")
@_wait_option
@_output_option
@service_command
def document(session: Session, document_id: str, no_wait: bool, output: Path | None) -> None:
    """Erase a document: every revision, in every version, with all answers that show it."""
    _carry_out(session, session.client.erase_document(document_id), no_wait=no_wait, output=output)


@erase.command("person")
@click.argument("user")
@_wait_option
@_output_option
@service_command
def person(session: Session, user: str, no_wait: bool, output: Path | None) -> None:
    """Erase what is kept of an end user, named as your application names them."""
    _carry_out(session, session.client.erase_person(user), no_wait=no_wait, output=output)


@erase.command("corpus")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_wait_option
@_output_option
@service_command
def corpus(session: Session, name: str, yes: bool, no_wait: bool, output: Path | None) -> None:
    """Erase a corpus with all its documents, versions and answers."""
    if not yes:
        click.confirm(f"Erase the corpus {name} for good, in all its versions?", abort=True, err=True)
    _carry_out(session, session.client.erase_corpus(name), no_wait=no_wait, output=output)


@erase.command("list")
@service_command
def list_erasures(session: Session) -> None:
    """List erasures, newest first."""
    found = list(session.client.erasures())
    session.show(found, "\n".join(_line(each) for each in found) or "No erasures.")


@erase.command("show")
@click.argument("erasure_id")
@_output_option
@service_command
def show(session: Session, erasure_id: str, output: Path | None) -> None:
    """Show an erasure and its receipt."""
    _tell(session, session.client.erasure(erasure_id), output)


@erase.command("verify")
@click.argument("receipt", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The service's key in PEM; else the one in the receipt's file.",
)
def verify(receipt: Path, public_key: Path | None) -> None:
    """Check the signature of a receipt, without the service."""
    from rag_service.signing.service_keys import is_signed_by  # noqa: PLC0415  (cryptography is slow to load)

    signed = _signed_in(receipt)
    key = public_key.read_text(encoding="ascii", errors="replace") if public_key else signed["public_key"]
    if not is_signed_by(key, signed["receipt"].encode(), signed["signature"]):
        raise InvalidRequest(f"The receipt in {receipt} is not signed by this key, or was changed.")
    click.echo(_summary(json.loads(signed["receipt"])))
    if public_key is None:
        click.echo("Signed by the key in the file. Compare it with GET /v1/erasures/key, or give --public-key.")


def _carry_out(session: Session, erasure: "Json", *, no_wait: bool, output: Path | None) -> None:
    while not no_wait and erasure["state"] != _DONE:
        time.sleep(_POLL_S)
        erasure = session.client.erasure(erasure["id"])
    _tell(session, erasure, output)


def _tell(session: Session, erasure: "Json", output: Path | None) -> None:
    if output is not None:
        if erasure["state"] != _DONE:
            raise Misconfigured(f"Erasure {erasure['id']} has no receipt yet: it is {erasure['state']}.")
        signed = {name: erasure[name] for name in _SIGNED}
        output.write_text(json.dumps(signed, indent=2) + "\n", encoding="ascii")
    session.show(erasure, _line(erasure) + (_receipt_lines(erasure) if erasure["receipt"] else ""))


def _receipt_lines(erasure: "Json") -> str:
    return f"\n{_summary(json.loads(erasure['receipt']))}"


def _summary(receipt: "Json") -> str:
    lines = [
        f"{receipt['kind']} {', '.join(receipt['subject'].values())}",
        f"requested {receipt['requested_at']}, finished {receipt['finished_at']}",
        f"removed: {_counts(receipt['removed'])}",
        f"kept because something else has the same: {_counts(receipt['shared'])}",
        f"still found: {_counts(receipt['probes'])}",
        *receipt["notes"],
    ]
    return "\n".join(lines)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if count) or "nothing"


def _line(erasure: "Json") -> str:
    return f"{erasure['id']}  {erasure['state']:<9}  {erasure['kind']}  {', '.join(erasure['subject'].values())}"


def _signed_in(path: Path) -> dict[str, str]:
    try:
        signed = json.loads(path.read_text(encoding="utf-8"))
        return {name: str(signed[name]) for name in _SIGNED}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise InvalidRequest(f"{path} is not a receipt: it needs {', '.join(_SIGNED)}.") from exc
