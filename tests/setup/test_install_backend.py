"""Set-up from nothing to a checked environment, with real Python, pip and environments and stand-in wheels."""

import subprocess
import sys
import threading

import pytest
import stand_in_wheels

from krita_colorize.core import handshake
from krita_colorize.core.errors import UserError
from krita_colorize.setup import download, install, pointer, python, wheels
from krita_colorize.setup.processes import Ended


def works(installed):
    """Whether the docker would start it: its program runs and greets."""
    done = subprocess.run(installed.command, capture_output=True, text=True, check=False)
    return "a stand-in" in done.stdout


def stand_in(home, version):
    """An installation whose program is just Python, switched to."""
    folder = home / "backend" / f"{version}-1"
    folder.mkdir(parents=True)
    installed = pointer.Installed((sys.executable, "-c", "pass"), version, folder.name, "cpu")
    pointer.write(home, pointer.Pointer(installed))
    return installed


def docker_starts(home):
    """What the docker reads."""
    file = home / "backend.json"
    return handshake.read_launch(file.read_text("utf-8") if file.is_file() else None).command


def test_downloads_and_installs(set_up, index, home):
    steps = []
    installed = set_up(on_progress=steps.append)
    assert works(installed)
    assert docker_starts(home) == installed.command
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert steps[-1].bytes_done == sum(
        path.stat().st_size for path in index.folder.iterdir() if path.suffix == ".whl"
    )
    assert not pointer.is_unfinished(home)


def test_installs_from_a_folder_without_any_network(set_up, folder, home, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    installed = set_up(folder=folder)
    assert works(installed)
    assert list((home / "backend" / installed.folder).rglob("diffusers/__init__.py"))
    assert not pointer.is_unfinished(home)


def test_interrupted_download_goes_on_with_what_has_come(set_up, index, home):
    index.tricks, index.always = ["", "cut"], "gone"  # pip, and half of torch
    with pytest.raises(UserError, match=r"torch.* \(404\)"):
        set_up()
    assert pointer.is_unfinished(home)
    with pytest.raises(UserError, match="isn't installed"):
        docker_starts(home)
    index.always, before = "", len(index.heard)
    assert works(set_up())
    assert all(start for name, start in index.heard[before:] if name.startswith("torch"))
    assert [name for name, _ in index.heard[before:] if name.startswith("pip")] == []


def test_cancel_is_taken_up_again(set_up, index, home):
    stop = threading.Event()
    with pytest.raises(download.Stopped):
        set_up(on_progress=lambda now: stop.set() if now.fraction > 0.3 else None, stop=stop)
    assert pointer.is_unfinished(home)
    assert works(set_up())


def test_changed_wheel_is_refused(set_up, index, home):
    index.tricks, index.always = [""], "false"
    with pytest.raises(UserError, match="isn't the published file"):
        set_up()
    assert not (home / "backend.json").exists()


def test_build_that_does_not_work_here_is_never_switched_to(set_up, folder, home, tmp_path):
    first = stand_in(home, "1.0")
    broken = stand_in_wheels.bundle(tmp_path / "broken", "2.0", broken=True)
    with pytest.raises(
        UserError, match=r"doesn't work here \(torch: can't be loaded.*the previous state was kept"
    ):
        set_up(folder=folder, bundle=broken)
    assert pointer.read(home).current == first


def test_upgrade_keeps_what_worked_and_goes_back_to_it(set_up, folder, home):
    first = stand_in(home, "0.9")
    second = set_up(folder=folder)
    assert docker_starts(home) == second.command
    assert pointer.read(home).previous == first
    assert pointer.roll_back(home) == first
    assert docker_starts(home) == first.command
    pointer.roll_back(home)
    assert docker_starts(home) == second.command
    assert works(second)


def test_repair_replaces_a_broken_installation(set_up, folder, home):
    broken = stand_in(home, "1.0")
    repaired = set_up(folder=folder)
    assert works(repaired)
    assert repaired.folder != broken.folder
    assert not (home / "backend" / broken.folder).exists()
    with pytest.raises(UserError, match="no earlier colour engine"):
        pointer.roll_back(home)


def test_uninstall_keeps_models_and_results(home):
    stand_in(home, "1.0")
    for name in ("models", "results", "logs"):
        (home / name).mkdir()
        (home / name / "kept").touch()
    pointer.uninstall(home)
    assert sorted(path.name for path in home.iterdir()) == ["logs", "models", "results"]
    with pytest.raises(UserError, match="isn't installed"):
        docker_starts(home)


def test_second_krita_waits_its_turn(set_up, folder):
    stop = threading.Event()

    def at_once(_):
        with pytest.raises(UserError, match="Another Krita is installing"):
            set_up(folder=folder)
        stop.set()

    with pytest.raises(download.Stopped):
        set_up(on_progress=at_once, folder=folder, stop=stop)
    assert stop.is_set()


def test_too_little_room_is_said_before_anything_is_written(set_up, home, folder, monkeypatch):
    usage = type("Usage", (), {"free": 10**5})
    monkeypatch.setattr(install.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"1 MB are needed in .*, but only 0 MB are free. Free some space"):
        set_up(folder=folder)
    assert not (home / "backend.json").exists()


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left", "The disk is full"),
        (
            "ERROR: No matching distribution found for numpy==2.4.6",
            r"A required file is missing .*numpy==2.4.6",
        ),
        ("NewConnectionError: Failed to establish a new connection", "index can't be reached"),
        ("Traceback", r"failed \(code 2\)"),
    ],
)
def test_words_for_what_pip_says(output, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence):
        raise UserError(wheels.explain(Ended(2, output), tmp_path))


def test_part_that_is_missing_is_named(set_up, folder):
    next(folder.glob("numpy-*")).unlink()
    with pytest.raises(UserError, match=r"A required file is missing .*numpy"):
        set_up(folder=folder)


def test_folder_without_torch_or_at_all_is_told(set_up, tmp_path):
    with pytest.raises(UserError, match="The folder .* doesn't exist"):
        set_up(folder=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="A required file is missing"):
        set_up(folder=tmp_path / "empty")


def test_forbidden_downloads_are_told(set_up, monkeypatch):
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    with pytest.raises(UserError, match="COLORIZE_OFFLINE=1.*Install from a folder"):
        set_up()


def test_docker_of_a_clone_says_what_to_do(set_up, tmp_path):
    with pytest.raises(UserError, match="doesn't contain the colour engine"):
        set_up(bundle=tmp_path)


def test_missing_python_is_told_with_the_version_that_the_wheels_need(set_up, folder, monkeypatch):
    next(folder.glob("torch-*")).rename(folder / "torch-2.13.0+cpu-cp313-cp313-linux_x86_64.whl")
    monkeypatch.setattr(python, "find", lambda *_: None)
    with pytest.raises(UserError, match=r"Install Python 3.13 from python.org"):
        set_up(folder=folder)


def test_python_is_brought_by_uv_where_there_is_none(set_up, folder, home, this_python, monkeypatch):
    """The uv here is a stand-in that puts this machine's Python where the real one would put its own."""
    place = home / "backend" / "python" / "cpython-3.12" / "bin"
    script = f"#!/bin/sh\nmkdir -p {place}\nln -sf {this_python.path} {place}/python3\n"
    stand_in_wheels.wheel(folder, "uv", "0.1", {"uv-0.1.data/scripts/uv": script.encode()})
    monkeypatch.setattr(
        python, "find", lambda home, _: next(filter(None, map(python.ask, python.brought(home))), None)
    )
    assert works(set_up(folder=folder))


def test_program_of_uv_that_is_none_is_told(tmp_path):
    wheel = stand_in_wheels.wheel(tmp_path, "uv", "0.1", {})
    with pytest.raises(UserError, match="contains no program"):
        python.unpack_uv(wheel, tmp_path)


def test_only_pythons_that_can_make_environments_are_found(tmp_path):
    for name, body in (("old", "echo '[[3, 8], \"/x\", true]'"), ("broken", "exit 1"), ("silent", ":")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    assert python.ask(tmp_path / "old").version == "3.8"
    assert python.ask(tmp_path / "broken") is None
    assert python.ask(tmp_path / "silent") is None
    assert python.ask(tmp_path / "nowhere") is None
    assert python.find(tmp_path).version in ("3.11", "3.12", "3.13", "3.14")


def test_nothing_is_compiled(tmp_path):
    """A Python without its headers, as distributions split it, is enough."""
    wanted = wheels.Wanted(tmp_path / "backend.whl", "torch", tmp_path / "constraints.txt")
    command = wheels._plan_command(wanted, tmp_path / "report.json")
    assert command[command.index("--only-binary") + 1] == ":all:"
