"""Several processes train the match network together: one result, drawings of their own, an exact resume."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from colorizer.errors import InvalidInput
from colorizer_lab.training.match import train
from colorizer_lab.training.processes import Processes

from tests.training.tiny_match import TINY

SCRIPT = Path(__file__).with_name("two_match_processes.py")


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(SCRIPT.parents[2])}
    done = subprocess.run(
        [*command, str(SCRIPT), str(folder)], env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_both_processes_hold_the_same_weights_from_other_drawings(together):
    first, second = ((together / f"process{rank}.txt").read_text().rsplit(" ", 1) for rank in (0, 1))
    assert first[1] == second[1]
    assert first[0] != second[0]


def test_resumed_together_is_the_same_bits(together):
    whole, cut = (torch.load(together / run / "checkpoint.pt", weights_only=True) for run in ("whole", "cut"))
    assert whole["step"] == cut["step"] == TINY.steps
    for name, value in whole["network"].items():
        assert torch.equal(value, cut["network"][name]), name


def test_one_process_writes_the_log(together):
    lines = (together / "whole" / "training.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5, 6, 6]


def test_gradients_alone_stay_as_they_are():
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.tensor([1.0, 3.0])
    Processes().average_gradients([weight])
    assert weight.grad.tolist() == [1, 3]


def test_batch_that_cannot_be_shared_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Processes, "join", lambda _: Processes(0, 4))
    with pytest.raises(InvalidInput, match="multiple of the 4 processes"):
        train(tmp_path, recipe=TINY)
