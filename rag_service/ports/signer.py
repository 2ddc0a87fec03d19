"""What is made with the service's secret: keyed hashes and signatures."""

from enum import StrEnum
from typing import Protocol


class HashPurpose(StrEnum):
    """What a keyed hash stands for: the same text has another hash for each purpose."""

    END_USER = "end-user"
    PRINCIPAL = "principal"
    DOCUMENT_KEY = "document-key"
    REQUEST = "request"


class KeyedHash(Protocol):
    """Names that cannot be turned back into what they stand for without the secret."""

    def keyed_hash(self, purpose: HashPurpose, *parts: str) -> str:
        """Return 32 hex characters; the same parts under the same secret always have the same."""


class Signer(Protocol):
    """Signs receipts, so that others can check them with the public key alone."""

    @property
    def public_key(self) -> str:
        """The Ed25519 key (RFC 8032) in PEM."""

    @property
    def key_id(self) -> str:
        """The first 16 hex characters of the SHA-256 of the raw public key."""

    def sign(self, message: bytes) -> str:
        """Return the signature in Base64."""
