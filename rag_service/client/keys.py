"""Keys: who may use the service."""

from rag_service.client.transport import Json, Transport, segment


class KeyCalls(Transport):
    """The part of the client for keys."""

    def keys(self) -> list[Json]:
        """Return the tenant's keys, without their secrets."""
        return list(self._pages("/v1/keys"))

    def create_key(self, **wanted: object) -> Json:
        """Create a key (name, permissions, principals, corpora, expires_at); the reply holds its secret, once."""
        return self._call("POST", "/v1/keys", json={name: value for name, value in wanted.items() if value is not None})

    def revoke_key(self, key_id: str) -> Json:
        """Make a key stop working."""
        return self._call("DELETE", f"/v1/keys/{segment(key_id)}")

    def login_link(self) -> str:
        """Return an address that signs a browser in, once."""
        return str(self._call("POST", "/v1/login-links")["url"])
