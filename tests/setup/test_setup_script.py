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
    monkeypatch.setattr(script.shutil, "which", lambda program, path=None: None)
    script.prepare_system(script.DEBIAN_PACKAGES)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "krita" in lines[0]


def test_whole_suite_runs_in_a_second_krita_too(script, monkeypatch, capsys):
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(script.subprocess, "run", lambda *_, **__: done)
    assert script.kritas() == ["--krita", "installed", "--krita", script.SECOND_KRITA]
    done.returncode, done.stderr = (
        1,
        "colorize: Another Krita needs Linux.\n",
    )
    capsys.readouterr()
    assert script.kritas() == []
    assert capsys.readouterr().err.splitlines()[1:] == [
        "colorize: Another Krita needs Linux. Krita's tests run only in the installed Krita."
    ]


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


class Interrupted:
    """A process that runs while Ctrl-C is pressed, and then fails."""

    def __init__(self, *_, **__):
        self._ends = [KeyboardInterrupt(), 1]

    def wait(self):
        end = self._ends.pop(0)
        if isinstance(end, KeyboardInterrupt):
            raise end
        return end


def test_ctrl_c_ends_setup_but_not_the_command(script, monkeypatch):
    monkeypatch.setattr(script.subprocess, "Popen", Interrupted)
    assert script.run(["serve"]) == 1
    with pytest.raises(KeyboardInterrupt):
        script.run(["pip"], set_up=True)


def test_half_made_environment_is_made_anew(script, monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(script, "VENV", tmp_path)
    monkeypatch.setattr(script, "pip", lambda *_, why: None)
    monkeypatch.setattr(script.venv, "create", lambda *_, **options: made.append(options["clear"]))
    script.venv_python().parent.mkdir()
    script.venv_python().touch()
    script.make_venv()
    assert made == [True]


@pytest.mark.parametrize(
    ("problem", "status", "words"),
    [
        (OSError(30, "Read-only file system", "/clone/.venv"), 1, "/clone/.venv: Read-only file system. "),
        (KeyboardInterrupt(), 130, "Run the same command again"),
    ],
)
def test_what_stops_setup_is_one_sentence(script, monkeypatch, capsys, problem, status, words):
    def stop(*, whole):
        raise problem

    monkeypatch.setattr(script, "prepare_environment", stop)
    assert script.main(["doctor"]) == status
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert words in printed


def test_one_start_at_a_time_looks_at_the_environment(script):
    with (ROOT / "colorize").open("rb") as file:
        with script.alone():
            assert not script.lock(file)
        assert script.lock(file)


def test_commands_reach_the_cli(script):
    environment = {**os.environ, "COLORIZE_OFFLINE": "1"}
    if (script.read_stamp() or {}).get("inputs") != script.fingerprint():
        pytest.skip("this environment was not made by this ./colorize")
    command = [sys.executable, str(ROOT / "colorize"), "run"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "SKETCH" in result.stderr
