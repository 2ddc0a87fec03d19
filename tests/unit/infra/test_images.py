"""The small programs of the images, run as they are."""

import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.unit.infra.dockerfiles import ROOT

DOCKER = ROOT / "infra" / "docker"
BLOCKED = """
import sys
from importlib.abc import MetaPathFinder

class Gone(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in NAMES:
            raise ModuleNotFoundError(name, name=name)

NAMES = set(sys.argv[1:])
sys.meta_path.insert(0, Gone())
"""
EMBED = """
import asyncio, io, docx
import rag_service.app, ingestion.bootstrap, rag_service.retrieval.index_host
from ingestion.parsing.office.docx import parse_docx
from ingestion.parsing.limits import ParsingLimits
from rag_service.embedding.local import LocalEmbedder
from rag_service.embedding.onnx_runtime import OnnxRuntime
from rag_service.settings import EmbeddingSettings, Settings

embedder = LocalEmbedder(EmbeddingSettings(), OnnxRuntime())
file, document = io.BytesIO(), docx.Document()
document.add_paragraph("a text")
document.save(file)
parsed = parse_docx(file, ParsingLimits(**Settings().parsing.model_dump()))
print(parsed.text)
print(asyncio.run(embedder.embed_passages(["a text"])).shape)
embedder.close()
"""
IMPORT_NAMES = {"scikit-learn": "sklearn", "sentence-transformers": "sentence_transformers", "onnx-ir": "onnx_ir"}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, timeout=PATIENCE_S)  # noqa: S603


def health(*arguments: str) -> int:
    return run(str(DOCKER / "healthcheck.py"), *arguments).returncode


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/livez" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's name)
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_address_that_answers_is_well(address: str) -> None:
    assert health("http", f"{address}/livez") == 0


def test_an_address_that_answers_with_an_error_is_not(address: str) -> None:
    assert health("http", f"{address}/readyz") == 1


def test_a_socket_is_well_while_somebody_listens(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        assert health("socket", path) == 0

    assert health("socket", path) == 1


def test_a_program_is_well_while_it_runs() -> None:
    words = f"-c input() # {os.getpid()}"
    with subprocess.Popen([sys.executable, "-c", words.removeprefix("-c ")], stdin=subprocess.PIPE) as program:  # noqa: S603
        assert health("program", words) == 0
        program.communicate(b"\n")

    assert health("program", words) == 1


def test_the_small_images_can_do_without_what_is_uninstalled() -> None:
    gone = run(str(DOCKER / "export_only.py")).stdout.split()
    assert {"torch", "transformers", "onnx"} <= set(gone)

    ran = run("-c", BLOCKED + EMBED, *(IMPORT_NAMES.get(name, name) for name in gone))

    assert ran.stdout.strip().split("\n") == ["a text", "(1, 384)"], ran.stderr


def test_what_the_service_needs_is_not_uninstalled() -> None:
    gone = set(run(str(DOCKER / "export_only.py")).stdout.split())

    assert gone.isdisjoint({"numpy", "onnxruntime", "tokenizers", "huggingface-hub", "fastapi", "celery", "pip"})
