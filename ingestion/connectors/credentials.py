"""Credentials as servers want them."""

import base64
from collections.abc import Mapping

from rag_service.errors import SourceRefused


def authorisation(credentials: Mapping[str, str], *, token_user: str | None = None) -> str:
    """Return the value of an Authorization header, empty without credentials.

    A token goes as a bearer; where `token_user` is given, as the password of that user.
    """
    token = credentials.get("token", "")
    if not token.isascii():
        raise SourceRefused("The token holds characters that no token has.")
    if token and not (token_user or credentials.get("username")):
        return f"Bearer {token}"
    user = credentials.get("username") or (token_user if token else "")
    password = token or credentials.get("password", "")
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}" if user else ""
