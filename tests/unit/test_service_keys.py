import stat
import threading
from pathlib import Path

import pytest

from rag_service.errors import DataDamaged, Misconfigured
from rag_service.ports.signer import HashPurpose
from rag_service.signing.secret_file import read_or_create
from rag_service.signing.service_keys import ServiceKeys, is_signed_by

KEYS = ServiceKeys(b"s" * 32)


def test_a_signature_is_checked_with_the_public_key_alone() -> None:
    signature = KEYS.sign(b"removed: 3")

    assert is_signed_by(KEYS.public_key, b"removed: 3", signature)


@pytest.mark.parametrize("signature", ["", "not base64!", ServiceKeys(b"t" * 32).sign(b"removed: 3")])
def test_another_signature_does_not_pass(signature: str) -> None:
    assert not is_signed_by(KEYS.public_key, b"removed: 3", signature)


def test_a_changed_message_does_not_pass() -> None:
    assert not is_signed_by(KEYS.public_key, b"removed: 4", KEYS.sign(b"removed: 3"))


def test_a_text_has_the_same_hash_always_but_another_for_each_purpose_and_secret() -> None:
    hashed = KEYS.keyed_hash(HashPurpose.END_USER, "anna")

    assert hashed == ServiceKeys(b"s" * 32).keyed_hash(HashPurpose.END_USER, "anna")
    assert hashed != KEYS.keyed_hash(HashPurpose.PRINCIPAL, "anna")
    assert hashed != ServiceKeys(b"t" * 32).keyed_hash(HashPurpose.END_USER, "anna")


def test_what_is_encrypted_is_read_again_and_never_looks_the_same() -> None:
    once, again = (KEYS.encrypt(b"token", bound_to="src_1") for _ in range(2))

    assert KEYS.decrypt(once, bound_to="src_1") == KEYS.decrypt(again, bound_to="src_1") == b"token"
    assert once != again
    assert b"token" not in once


@pytest.mark.parametrize(
    "encrypted",
    [
        b"",
        b"\x01short",
        KEYS.encrypt(b"token", bound_to="src_2"),
        ServiceKeys(b"t" * 32).encrypt(b"token", bound_to="src_1"),
        KEYS.encrypt(b"token", bound_to="src_1")[:-1],
        b"\x02" + KEYS.encrypt(b"token", bound_to="src_1")[1:],
    ],
    ids=["empty", "short", "another source", "another secret", "cut", "another format"],
)
def test_what_was_encrypted_for_something_else_or_is_not_whole_is_damaged(encrypted: bytes) -> None:
    with pytest.raises(DataDamaged, match="Set it anew"):
        KEYS.decrypt(encrypted, bound_to="src_1")


def test_the_border_between_parts_counts() -> None:
    assert KEYS.keyed_hash(HashPurpose.END_USER, "ab", "c") != KEYS.keyed_hash(HashPurpose.END_USER, "a", "bc")


def test_the_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret.key"

    secret = read_or_create(path)

    assert read_or_create(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret.key"]


def test_processes_that_start_together_have_one_secret(tmp_path: Path) -> None:
    secrets: list[bytes] = []
    starters = [
        threading.Thread(target=lambda: secrets.append(read_or_create(tmp_path / "secret.key"))) for _ in range(8)
    ]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()

    assert len(secrets) == 8
    assert len(set(secrets)) == 1


@pytest.mark.parametrize("content", ["", "abcd", "no hex"])
def test_a_damaged_file_stops_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(content)

    with pytest.raises(Misconfigured, match="secret"):
        read_or_create(path)
