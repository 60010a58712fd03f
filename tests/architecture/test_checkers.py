"""ruff and mypy are clean, the docker's types under both Qts."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def assert_clean(*command):
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff_finds_nothing():
    assert_clean("ruff", "check", ".")


def test_code_is_formatted():
    assert_clean("ruff", "format", "--check", ".")


def test_types_hold(tmp_path):
    assert_clean("mypy", "--always-false", "IS_QT6", "--cache-dir", str(tmp_path))


def test_types_of_the_docker_hold_under_pyqt6_too(tmp_path):
    assert_clean("mypy", "--always-true", "IS_QT6", "--cache-dir", str(tmp_path), "krita_colorize")
