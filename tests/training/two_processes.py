"""What `torchrun` runs in the test of several processes: the same training with averaged and with spread weights."""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from colorizer_lab.training.colorize_diffusion.config import read
from colorizer_lab.training.colorize_diffusion.trainer import train


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    config = read(folder / "config.toml")
    train(folder / "averaged", recipe=config)
    train(folder / "spread", recipe=replace(config, sharded=True))
    train(folder / "spread", recipe=None, resume=True)


if __name__ == "__main__":
    main()
