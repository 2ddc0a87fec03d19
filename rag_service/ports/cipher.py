"""Keeping secrets of others: credentials of sources."""

from typing import Protocol


class Cipher(Protocol):
    """Encrypts with the service's secret. What is encrypted for one thing cannot be passed off as another's."""

    def encrypt(self, plain: bytes, *, bound_to: str) -> bytes:
        """Return `plain` so that only this service can read it, and only for what it is bound to."""

    def decrypt(self, encrypted: bytes, *, bound_to: str) -> bytes:
        """Return what was encrypted for this.

        Raises:
            DataDamaged: it was encrypted under another secret or for something else, or is not whole.
        """
