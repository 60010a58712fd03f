"""The docker's own tests pass under PyQt6 too; the suite around this test runs under PyQt5."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(3600)  # a whole suite, on a machine that may be slow
def test_docker_suites_pass_under_pyqt6():
    environment = {**os.environ, "COLORIZE_QT": "PyQt6", "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "pytest", "-q", "-o", "qt_api=pyqt6", "-p", "no:cacheprovider"]
    rooms = ["tests/app", "tests/ui"]  # core knows no Qt
    result = subprocess.run(
        command + rooms, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-6000:]
    assert " passed" in result.stdout
