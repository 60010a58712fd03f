"""What `torchrun` runs in the test of several processes: a whole training, a stopped and resumed one, two steps."""

import hashlib
import sys
from pathlib import Path

import torch
from colorizer_lab.training import match
from colorizer_lab.training.processes import Processes

from tests.training.tiny_match import TINY, stop_at


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    match.train(folder / "whole", recipe=TINY)
    match.train(folder / "cut", recipe=TINY, progress=stop_at(3))
    match.train(folder / "cut", recipe=TINY, resume=True)
    processes = Processes.join("cpu")
    training = match._Training(TINY, processes, 0, None)
    ring = training._shares[0][1]
    seen = ring.drawn, ring.batch(1, training._luck()).parts.sum().item()
    training.advance()
    training.advance()
    bits = b"".join(value.numpy().tobytes() for value in training._network.state_dict().values())
    words = f"{seen} {hashlib.sha256(bits).hexdigest()}"
    (folder / f"process{processes.rank}.txt").write_text(words)


if __name__ == "__main__":
    main()
