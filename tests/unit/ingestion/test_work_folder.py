"""Where a worker's temporary files are, and what becomes of them when it is killed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ingestion.work_folder import work_folder

_KILLED = """
import os, signal, sys, tempfile
from pathlib import Path
from ingestion.work_folder import work_folder
with work_folder(Path(sys.argv[1])):
    Path(tempfile.mkdtemp(), "raw").write_text("text")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_temporary_files_are_in_the_folder_and_go_with_it(tmp_path: Path) -> None:
    with work_folder(tmp_path / "work") as folder, tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).parent == folder

    assert list((tmp_path / "work").iterdir()) == []
    assert Path(tempfile.gettempdir()) != folder


def test_what_a_killed_worker_left_goes_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    path = os.pathsep.join(sys.path)
    subprocess.run([sys.executable, "-c", _KILLED, tmp_path], check=False, env={**os.environ, "PYTHONPATH": path})  # noqa: S603
    assert list(tmp_path.glob("*/*/raw"))

    with work_folder(tmp_path) as first, work_folder(tmp_path) as second:
        assert set(tmp_path.iterdir()) == {first, second}
