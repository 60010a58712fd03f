"""`colorizer_lab` is plugged in where it is installed; elsewhere its commands say what to install."""

import subprocess
import sys

import pytest
from colorizer import cli, lab

WITHOUT = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "colorizer_lab" else find(name, *rest)
from colorizer import cli
cli.main()
"""


def colorize_without_lab(*words):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", [["train", "match", "--out", "o"], ["evaluate", "--masks"]])
def test_missing_lab_is_said_in_one_sentence(words):
    done = colorize_without_lab(*words)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"colorize: `colorize {words[0]}` needs the package krita-colorize-lab, which isn't installed."
    )
    assert "Install krita_colorize_lab-" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_without_lab_lists_what_works():
    done = colorize_without_lab("--help")
    assert "serve" in done.stdout
    assert "train" not in done.stdout


def test_every_command_of_the_lab_is_known():
    import typer.main

    there = set(typer.main.get_command(cli.app).commands)
    assert set(cli.LAB_COMMANDS) <= there


def test_module_of_the_missing_lab_is_refused(monkeypatch):
    monkeypatch.setattr(lab, "installed", lambda: False)
    with pytest.raises(lab.NoLab, match="Inception needs the package krita-colorize-lab"):
        lab.module("evaluation.inception", "Inception")
