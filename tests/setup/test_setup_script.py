"""The set-up script: which torch it takes, what it says, how it starts the second time."""

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script():
    loader = importlib.machinery.SourceFileLoader("colorize_script", str(ROOT / "colorize"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def test_table_of_the_docker_is_used(script, monkeypatch):
    look = script.builds.Hardware("Linux", "x86_64")
    monkeypatch.setattr(script.builds, "look", lambda: look)
    requirement = script.torch_requirement(script.fitting_builds()[0])
    assert requirement.startswith("torch==2.")
    assert requirement.endswith("+cpu")


def test_next_best_build_is_taken_where_the_best_cannot_be_had(script, monkeypatch, capsys):
    look = script.builds.Hardware("Linux", "x86_64", (("amd", "AMD GPU"),))
    monkeypatch.setattr(script.builds, "look", lambda: look)
    monkeypatch.setattr(script, "run_pip", lambda _, requirement, *rest, **options: "rocm" in requirement)
    script.install_torch()
    assert "CPU" in capsys.readouterr().err.splitlines()[-1]


def test_unfit_machine_is_told_why_not(script, monkeypatch):
    look = script.builds.Hardware("Darwin", "x86_64")
    monkeypatch.setattr(script.builds, "look", lambda: look)
    with pytest.raises(script.SetupError, match="Apple silicon"):
        script.fitting_builds()


def test_old_python_is_told_what_to_do(script):
    with pytest.raises(script.SetupError, match=r"needs Python 3\.11 or newer"):
        script.check_python((3, 10))


def test_nobody_ever_asks_for_torchvision(script):
    for name in ("pyproject.toml", "constraints.txt", "colorize"):
        words = (ROOT / name).read_text(encoding="utf-8")
        assert "torchvision" not in words.replace("never torchvision", "")


def test_missing_programs_are_named_in_one_sentence(script, monkeypatch, capsys):
    monkeypatch.setattr(script.shutil, "which", lambda program: None)
    script.prepare_system()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "krita" in lines[0]


def test_complete_environment_is_not_touched_again(script, monkeypatch, tmp_path):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.touch()
    monkeypatch.setattr(script, "VENV", tmp_path)
    monkeypatch.setattr(script, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(script, "venv_python", lambda: python)
    script.STAMP.write_text(json.dumps({"inputs": script.fingerprint(), "whole": True}))
    monkeypatch.setattr(script, "run", lambda *a, **k: pytest.fail("ran something"))
    script.prepare_environment(whole=False)


def test_offline_refuses_to_download(script, monkeypatch, tmp_path):
    monkeypatch.setattr(script, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    with pytest.raises(script.SetupError, match="COLORIZE_OFFLINE"):
        script.prepare_environment(whole=False)


def test_interrupted_setup_is_taken_up_again(script, monkeypatch, tmp_path):
    monkeypatch.setattr(script, "VENV", tmp_path)
    monkeypatch.setattr(script, "STAMP", tmp_path / "stamp.json")
    monkeypatch.delenv("COLORIZE_OFFLINE", raising=False)
    monkeypatch.setattr(script, "make_venv", lambda: None)
    monkeypatch.setattr(script, "install_torch", lambda: None)
    monkeypatch.setattr(
        script, "install_backend", lambda whole: (_ for _ in ()).throw(script.SetupError("no"))
    )
    with pytest.raises(script.SetupError):
        script.prepare_environment(whole=True)
    assert not script.STAMP.exists()


def test_commands_reach_the_cli():
    environment = {**os.environ, "COLORIZE_OFFLINE": "1"}
    if not (ROOT / ".venv/colorize.json").exists():
        pytest.skip("this environment was not made by ./colorize")
    command = [sys.executable, str(ROOT / "colorize"), "run"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "SKETCH" in result.stderr
