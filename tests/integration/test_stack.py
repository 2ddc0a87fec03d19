"""`rag stack`: the whole scaled-out service with one command, from packages."""

from pathlib import Path

import pytest

from tests.faults.uploading import found_by, new_corpus, settled, upload
from tests.stacks import running_stack


@pytest.mark.slow
def test_what_is_uploaded_to_one_api_is_found_through_the_other_and_all_ends_with_the_command() -> None:
    with running_stack(RAG_EMBEDDING__BACKEND="hashing") as (one, other):
        with one.client() as client:
            corpus = new_corpus(client, "fruit")
            settled(client, corpus, {"a": upload(client, corpus, "apples.md", b"Apples ripen in autumn.")})
        with other.client() as client:
            assert found_by(client, corpus, "When do apples ripen?") == ["apples.md"]
    assert running_over(one.data_dir) == []


def running_over(folder: Path) -> list[str]:
    """Return the command lines of processes that name the folder."""
    lines = (line.read_bytes().replace(b"\0", b" ").decode() for line in Path("/proc").glob("[0-9]*/cmdline"))
    return [line for line in lines if str(folder) in line]
