"""coop-run ended by SIGTERM, as `timeout` and containers do: nothing half-written stays."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BRICK = Path(__file__).parents[2] / "exported" / "brick"
PROGRAM = "from coop_apps.run import main; main()"


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGTERM")
def test_nothing_half_written_stays(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    words = ["generate", str(BRICK), "--size", "400000x512", "--refine", "0"]
    words += ["-o", str(folder / "wall.png")]
    running = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 60
        while not list(folder.iterdir()) and time.monotonic() < until:
            assert running.poll() is None, running.stderr and running.stderr.read()
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 128 + signal.SIGTERM
    finally:
        running.kill()
        running.communicate()
    assert list(folder.iterdir()) == []
