"""Another Krita is made once and whole, or one sentence says why not; what it mounts ends with it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from colorizer_lab.krita import other_krita


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that may make Kritas, in an empty cache folder and environment."""
    monkeypatch.setattr(other_krita.paths, "cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(other_krita.sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(other_krita.sys, "platform", "linux")
    monkeypatch.setattr(other_krita.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(other_krita.shutil, "which", lambda tool, path: tool)
    monkeypatch.setattr(other_krita, "_version", lambda root: "6.0.4.1+dfsg-1")
    monkeypatch.delenv("COLORIZE_OFFLINE", raising=False)
    return tmp_path


class Commands:
    """Stands in for the programs that make a root."""

    def __init__(self, failing=""):
        self.failing = failing
        self.ran = []

    def __call__(self, command, output):
        self.ran.append(" ".join(map(str, command)))
        if "debootstrap" in command:
            (Path(command[5]) / "etc/apt/apt.conf.d").mkdir(parents=True)
        if self.failing and self.failing in self.ran[-1]:
            output.write(b"E: no such package\n\n")
            output.flush()
            return 1
        return 0


def test_krita_is_made_once(machine, monkeypatch):
    commands = Commands()
    monkeypatch.setattr(other_krita, "_run", commands)
    folder = other_krita.prepare("6")
    assert sorted(path.name for path in folder.iterdir()) == ["krita", "kritarunner"]
    root = other_krita.cache_folder() / "6"
    sources = (root / "etc/apt/sources.list").read_text().splitlines()
    assert [line.split()[2] for line in sources] == ["sid", "experimental"]
    install = next(line for line in commands.ran if " install " in line)
    assert install.endswith("-t experimental krita python3-pyqt6 qt6-svg-plugins")
    times = [path.stat().st_mtime_ns for path in sorted(folder.iterdir())]
    commands.ran.clear()
    assert other_krita.prepare("6") == folder
    assert commands.ran == ["unshare --mount true"]
    assert [path.stat().st_mtime_ns for path in sorted(folder.iterdir())] == times


def test_half_made_krita_is_made_anew(machine, monkeypatch):
    monkeypatch.setattr(other_krita, "_run", Commands(failing="apt-get install"))
    with pytest.raises(other_krita.NoOtherKrita, match="couldn.t be installed: E: no such package"):
        other_krita.prepare("6")
    assert not (other_krita.cache_folder() / "6").exists()
    monkeypatch.setattr(other_krita, "_run", Commands())
    other_krita.prepare("6")
    assert (other_krita.cache_folder() / "6").is_dir()
    assert not (other_krita.cache_folder() / "6.new").exists()


def test_suite_that_has_moved_on_is_told(machine, monkeypatch):
    monkeypatch.setattr(other_krita, "_run", Commands())
    with pytest.raises(other_krita.NoOtherKrita, match=r"sid now has Krita 6\.0\.4\.1\+dfsg-1, not 5\.3"):
        other_krita.prepare("5.3")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("geteuid", lambda: 1000, "needs Linux and the root user"),
        ("which", lambda tool, path: None, "apt install debootstrap"),
        ("_run", lambda command, output: 1, "mount namespaces"),
    ],
)
def test_machine_that_cannot_is_told_why(machine, monkeypatch, name, value, sentence):
    owner = {"geteuid": other_krita.os, "which": other_krita.shutil}.get(name, other_krita)
    monkeypatch.setattr(other_krita, "_run", Commands())
    monkeypatch.setattr(owner, name, value)
    with pytest.raises(other_krita.NoOtherKrita, match=sentence):
        other_krita.prepare("6")


def test_offline_makes_none(machine, monkeypatch):
    monkeypatch.setattr(other_krita, "_run", Commands())
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    with pytest.raises(other_krita.NoOtherKrita, match="COLORIZE_OFFLINE=1"):
        other_krita.prepare("6")


def test_unknown_krita_is_told_which_there_are():
    with pytest.raises(
        other_krita.NoOtherKrita, match=r"Krita 7 isn.t available. Choose one of: 5\.2, 5\.3, 6"
    ):
        other_krita.prepare("7")


def test_python_of_the_environment_is_shown_where_the_root_has_its_own_usr(machine, monkeypatch):
    monkeypatch.setattr(other_krita.sys, "base_prefix", "/usr")
    version = "python{}.{}".format(*other_krita.sys.version_info)
    shown = other_krita._shown(machine)
    assert {Path("/usr/bin") / version, Path("/usr/lib") / version} <= set(shown)
    monkeypatch.setattr(other_krita.sys, "base_prefix", "/usr/local")
    assert Path("/usr/local") in other_krita._shown(machine)


def may_mount():
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="only root makes mount namespaces")
def test_mounts_end_with_the_program(tmp_path):
    root, script = tmp_path / "root", tmp_path / "krita"
    text = other_krita.SCRIPT.format(
        version="0", suite="none", own="usr", shown=str(tmp_path), root=root, search="/bin", program="krita"
    )
    script.write_text(text)
    done = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    assert "/usr/bin/krita" in done.stderr  # which this root doesn't have
    assert (root / "proc").is_dir()
    assert str(root) not in Path("/proc/self/mounts").read_text()
    assert not list((root / "proc").iterdir())
