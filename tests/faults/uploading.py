"""Uploading to the running service and waiting for what becomes of it."""

import time
from collections.abc import Mapping
from typing import Any

import httpx

from tests.patience import PATIENCE_S


def new_corpus(client: httpx.Client, name: str) -> str:
    """Make a corpus and return its id."""
    return str(client.post("/v1/vector_stores", json={"name": name}).raise_for_status().json()["id"])


def upload(client: httpx.Client, corpus: str, filename: str, content: bytes) -> str:
    """Upload a file into a corpus and return its id."""
    form = {"file": (filename, content, "application/octet-stream")}
    stored = client.post("/v1/files", data={"purpose": "assistants"}, files=form).raise_for_status().json()
    client.post(f"/v1/vector_stores/{corpus}/files", json={"file_id": stored["id"]}).raise_for_status()
    return str(stored["id"])


def settled(client: httpx.Client, corpus: str, files: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return each file's description by its name, once none of `files` (name to id) is in progress."""
    found: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + 2 * PATIENCE_S
    while len(found) < len(files):
        assert time.monotonic() < deadline, f"still in progress: {sorted(set(files) - set(found))}"
        for name in sorted(set(files) - set(found)):
            file = client.get(f"/v1/vector_stores/{corpus}/files/{files[name]}").raise_for_status().json()
            if file["status"] != "in_progress":
                found[name] = file
        time.sleep(0.2)
    return found


def text_of(client: httpx.Client, corpus: str, file_id: str) -> str:
    """Return what the parser saw of a file."""
    reply = client.get(f"/v1/vector_stores/{corpus}/files/{file_id}/content").raise_for_status().json()
    return "".join(part["text"] for part in reply["data"])


def found_by(client: httpx.Client, corpus: str, query: str) -> list[str]:
    """Return the names of the files whose passages a search finds, best first."""
    body = {"query": query, "max_num_results": 5}
    reply = client.post(f"/v1/vector_stores/{corpus}/search", json=body).raise_for_status().json()
    return [result["filename"] for result in reply["data"]]
