"""The RAGAS process reaches its judge and nothing else. What is shut stays shut, so each test has a process of its own."""

import socket
import subprocess
import sys

import pytest

SCRIPT = """
import socket, sys
from eval.ragas_network import allow_only
allow_only(sys.argv[1] or None)
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=5).close()
except PermissionError as exc:
    sys.exit(str(exc))
"""


MOVING = """
import socket
homes, others = iter(["127.0.0.2", "127.0.0.1"]), socket.getaddrinfo
def look_up(host, *rest, **options):
    return [(0, 0, 0, "", (next(homes), 0))] if host == "judge.example" else others(host, *rest, **options)
socket.getaddrinfo = look_up
"""


def said(judge_url: str, port: int, script: str = SCRIPT) -> str:
    command = [sys.executable, "-c", script, judge_url, str(port)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    return done.stderr.strip()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_judge_is_reached(port: int) -> None:
    assert said(f"http://127.0.0.1:{port}/v1", port) == ""


@pytest.mark.parametrize("judge_url", ["", "http://127.0.0.1:9/v1", "http://judge.invalid/v1"])
def test_another_place_is_not(judge_url: str, port: int) -> None:
    assert "the network is shut" in said(judge_url, port)


def test_a_judge_that_moved_is_reached_where_it_is_now(port: int) -> None:
    assert said(f"http://judge.example:{port}/v1", port, MOVING + SCRIPT) == ""


def test_another_port_of_the_judge_is_not_reached(port: int) -> None:
    assert "the network is shut" in said("http://judge.example:9/v1", port, MOVING + SCRIPT)
