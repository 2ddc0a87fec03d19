"""Everything that is derived from the service's secret, each under a label of its own (HKDF, RFC 5869)."""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from rag_service.errors import DataDamaged
from rag_service.ports.signer import HashPurpose

_KEY_BYTES = 32
_HASH_CHARS = 32
_KEY_ID_CHARS = 16
_NONCE_BYTES = 12
_FORMAT = b"\x01"


class ServiceKeys:
    """Implements `ports.signer.KeyedHash` and `Signer`, and `ports.cipher.Cipher`."""

    def __init__(self, secret: bytes) -> None:
        self._hash_keys = {purpose: _derived(secret, f"hash/{purpose}") for purpose in HashPurpose}
        self._cipher = AESGCM(_derived(secret, "encrypt/credentials"))
        self._signing_key = Ed25519PrivateKey.from_private_bytes(_derived(secret, "sign/receipts"))
        public = self._signing_key.public_key()
        self.public_key = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(raw).hexdigest()[:_KEY_ID_CHARS]

    def keyed_hash(self, purpose: HashPurpose, *parts: str) -> str:
        """Return the keyed hash of `parts`; where one ends and the next begins counts."""
        message = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in parts)
        return hmac.new(self._hash_keys[purpose], message, hashlib.sha256).hexdigest()[:_HASH_CHARS]

    def sign(self, message: bytes) -> str:
        """Return the signature of `message`."""
        return base64.b64encode(self._signing_key.sign(message)).decode("ascii")

    def encrypt(self, plain: bytes, *, bound_to: str) -> bytes:
        """Return a byte for the format, a nonce, and `plain` under AES-256-GCM with `bound_to` as associated data."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plain, bound_to.encode())

    def decrypt(self, encrypted: bytes, *, bound_to: str) -> bytes:
        """Return what `encrypt` was given."""
        # Of another format, or too short, is nothing that could be decrypted.
        body = encrypted.removeprefix(_FORMAT)
        nonce, sealed = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, sealed, bound_to.encode())
        except (InvalidTag, ValueError) as exc:
            raise DataDamaged(
                "What was kept encrypted cannot be read with this service's secret. Set it anew."
            ) from exc


def is_signed_by(public_key: str, message: bytes, signature: str) -> bool:
    """Say whether `signature` (Base64) is that of `message` under the Ed25519 key in PEM."""
    try:
        key = load_pem_public_key(public_key.encode("ascii"))
        if not isinstance(key, Ed25519PublicKey):
            return False
        key.verify(base64.b64decode(signature, validate=True), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _derived(secret: bytes, label: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=f"rag-service/{label}".encode()).derive(secret)
