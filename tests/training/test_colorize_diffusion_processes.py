"""Several processes train what one would have, with averaged gradients (DDP) and with spread weights (FSDP)."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from colorizer.errors import InvalidInput
from colorizer_lab.training.colorize_diffusion import networks
from colorizer_lab.training.colorize_diffusion.config import Stage, write
from colorizer_lab.training.colorize_diffusion.trainer import train
from colorizer_lab.training.processes import Processes

from tests.training.tiny_stages import TINY

SCRIPT = Path(__file__).with_name("two_processes.py")


# the lowest level is one place: with less than three channels a group, its norm leaves gradients of rounding alone
SIZES = replace(TINY.sizes, autoencoder=(), latent_channels=12, widths=(32, 32, 96, 96))
CONFIG = replace(TINY, stage=Stage.V1, sizes=SIZES, batch=4)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    pytest.importorskip("skia", reason="drawing needs the extra `training`")
    folder = tmp_path_factory.mktemp("processes")
    train(folder / "alone", recipe=CONFIG)
    write(CONFIG, folder / "config.toml")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(SCRIPT), str(folder)], env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def distance(first, second):
    """Between two sets of weights, as one vector each."""
    return sum(float(((value - second[name]) ** 2).sum()) for name, value in first.items()) ** 0.5


@pytest.mark.parametrize("way", ["averaged", "spread"])
def test_two_processes_train_what_one_does(both, way):
    alone, together = (torch.load(both / run / "checkpoint.pt", weights_only=True) for run in ("alone", way))
    assert together["losses"]["loss"] == pytest.approx(alone["losses"]["loss"], rel=1e-4)
    start = networks.work(CONFIG).loss.state_dict()
    way_alone = distance(alone["network"], start)
    # sums are rounded otherwise, and Adam's first steps make much of it where a gradient is nearly nothing
    assert distance(alone["network"], together["network"]) < 0.05 * way_alone
    assert (both / way / "model" / "unet").is_dir()


def test_uneven_share_is_refused():
    with pytest.raises(InvalidInput, match="multiple of the 2 processes"):
        Processes(0, 2).check(3)
