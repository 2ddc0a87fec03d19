"""A Celery worker's end when Celery does not come to one; tests/integration/test_celery.py has real workers."""

import subprocess
import sys

from ingestion.brokered.stopping import Stopping
from tests.patience import PATIENCE_S

HANGS = """
import time
from ingestion.brokered.stopping import Stopping
Stopping(lambda: print("passed on", flush=True), limit_s=0.1).tell()
time.sleep(3600)
"""


def test_a_program_that_hangs_after_its_stop_ends_in_good_order() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], check=False, capture_output=True, timeout=PATIENCE_S)  # noqa: S603

    assert (ended.returncode, ended.stdout.splitlines()[0]) == (0, b"passed on")


def test_a_stop_that_is_said_twice_is_passed_on_once() -> None:
    passed_on: list[str] = []
    stopping = Stopping(lambda: passed_on.append("stop"), limit_s=3600)

    stopping.tell()
    stopping.tell()

    assert passed_on == ["stop"]
