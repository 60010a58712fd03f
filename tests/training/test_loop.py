"""Stopping, checkpoints and logs."""

import errno
import json
import signal

import pytest
import torch
from colorizer.errors import ColorizerError
from colorizer_lab.training.loop import StopSignal, log, open_run, save_checkpoint, save_folder


def test_limit_is_over_at_once():
    assert StopSignal(0).is_set
    assert not StopSignal(1).is_set


def test_signal_is_heard_only_inside():
    stop = StopSignal(1)
    before = signal.getsignal(signal.SIGINT)
    with stop.listening():
        signal.raise_signal(signal.SIGINT)
    assert stop.is_set
    assert signal.getsignal(signal.SIGINT) is before


def test_checkpoint_comes_back(tmp_path):
    save_checkpoint(tmp_path, {"step": 3, "weights": torch.arange(3)})
    state = open_run(tmp_path, resume=True)
    assert state["step"] == 3
    assert torch.equal(state["weights"], torch.arange(3))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_new_run_makes_its_folder(tmp_path):
    assert open_run(tmp_path / "a" / "b", resume=False) is None
    assert (tmp_path / "a" / "b").is_dir()


def test_log_grows_line_by_line(tmp_path):
    log(tmp_path, step=1, loss=0.5)
    log(tmp_path, step=2, loss=0.25)
    lines = (tmp_path / "training.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25},
    ]  # fmt: skip


def test_killed_exchange_of_a_folder_is_put_in_order(tmp_path):
    save_checkpoint(tmp_path, {"step": 1})
    for name in (".model.old", ".model.part", ".sheet.part"):
        (tmp_path / name).mkdir()
    (tmp_path / ".model.old" / "weights").touch()
    open_run(tmp_path, resume=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "model"]
    assert (tmp_path / "model" / "weights").is_file()


def test_folder_that_cannot_be_written_leaves_the_former(tmp_path):
    save_folder(tmp_path / "model", lambda folder: folder.mkdir())

    def fail(folder):
        folder.mkdir()
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ColorizerError, match="the disk is full"):
        save_folder(tmp_path / "model", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_log_forgets_what_came_after_the_checkpoint(tmp_path):
    save_checkpoint(tmp_path, {"step": 2})
    for step in (1, 2, 3):
        log(tmp_path, step=step)
    with (tmp_path / "training.jsonl").open("a") as file:
        file.write('{"step": 4')
    open_run(tmp_path, resume=True)
    lines = (tmp_path / "training.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]
