"""`rag key`: who may use the service."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from rag_service.cli.context import Session, service_command

PERMISSIONS = ("chat", "history", "upload", "publish", "eval", "admin", "delegate")


@click.group()
def key() -> None:
    """Make, list and revoke API keys."""


@key.command("create")
@click.argument("name")
@click.option(
    "--permission", "permissions", multiple=True, default=("chat",), type=click.Choice(PERMISSIONS), show_default=True
)
@click.option("--principal", "principals", multiple=True, help="Name under which documents are granted (repeatable).")
@click.option("--corpus", "corpora", multiple=True, help="Only this corpus (repeatable); else all of the tenant.")
@click.option("--days", type=click.IntRange(1), help="Days until it expires; else never.")
@service_command
def create(
    session: Session,
    name: str,
    permissions: tuple[str, ...],
    principals: tuple[str, ...],
    corpora: tuple[str, ...],
    days: int | None,
) -> None:
    """Create a key and show its secret, this once."""
    made = session.client.create_key(
        name=name,
        permissions=list(permissions),
        principals=list(principals) or None,
        corpora=list(corpora) or None,
        expires_at=int((datetime.now(UTC) + timedelta(days=days)).timestamp()) if days else None,
    )
    session.show(made, f"{made['secret']}\nKeep it now: it is not shown again.")


@key.command("list")
@service_command
def list_keys(session: Session) -> None:
    """List keys, newest first."""
    keys = session.client.keys()
    session.show(keys, "\n".join(_line(each) for each in keys) or "No keys.")


@key.command("revoke")
@click.argument("key_id")
@service_command
def revoke(session: Session, key_id: str) -> None:
    """Make a key stop working."""
    session.show(session.client.revoke_key(key_id), f"{key_id} no longer works.")


@key.command("login-link")
@service_command
def login_link(session: Session) -> None:
    """Make an address that signs a browser in, once."""
    link = session.client.login_link()
    session.show({"url": link}, link)


def _line(each: dict[str, Any]) -> str:
    state = "revoked" if each.get("revoked_at") else "active"
    return f"{each['id']}  {state:<8}  {each['name']}  ({', '.join(each.get('permissions', []))})"
