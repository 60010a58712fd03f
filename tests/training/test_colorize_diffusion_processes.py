"""Several processes train what one would have, with averaged gradients (DDP) and with spread weights (FSDP)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from colorizer.errors import InvalidInput
from colorizer.training.colorize_diffusion.config import Stage, write
from colorizer.training.colorize_diffusion.processes import Processes
from colorizer.training.colorize_diffusion.trainer import train

SCRIPT = Path(__file__).with_name("two_processes.py")


@pytest.fixture(scope="module")
def both(chain, tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    config = chain.config(Stage.V1, steps=3, batch=4)
    train(folder / "alone", recipe=config)
    write(config, folder / "config.toml")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(SCRIPT), str(folder)], env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("way", ["averaged", "spread"])
def test_two_processes_train_what_one_does(both, way):
    alone, together = (torch.load(both / run / "checkpoint.pt", weights_only=True) for run in ("alone", way))
    assert together["losses"]["loss"] == pytest.approx(alone["losses"]["loss"], rel=1e-4)
    assert set(alone["network"]) == set(together["network"])
    for name, value in alone["network"].items():
        # Adam's first steps are as long for a gradient of 1e-12 as for one of 1: where it is rounding, so is the step
        assert torch.allclose(value, together["network"][name], atol=4e-3), name
        assert (value - together["network"][name]).abs().mean() < 2e-5, name
    assert (both / way / "model" / "unet").is_dir()


def test_uneven_share_is_refused():
    with pytest.raises(InvalidInput, match="multiple of the 2 processes"):
        Processes(0, 2).check(3)
