"""The smallest training of the match network, and a way to stop it."""

import signal
from collections.abc import Callable

from colorizer.engines.match.network import MatchConfig
from colorizer_lab.training.loop import TrainingProgress
from colorizer_lab.training.match import Recipe

TINY = Recipe(
    network=MatchConfig(
        image_size=64, query_grid=32, key_grid=16, fine_width=8, middle_width=16, deep_width=16,
        query_width=16, attention_layers=1, attention_heads=2, descriptor=8,
    ),
    steps=6, batch=2, drawings_kept=6, drawings_per_step=2, regions=8, places=3,
    warmup_steps=2, log_every=1, save_every=100, validation_drawings=2,
)  # fmt: skip


def stop_at(step: int) -> Callable[[TrainingProgress], None]:
    """Told of every step, it asks the process to end after one."""

    def progress(now: TrainingProgress) -> None:
        if now.step == step:
            signal.raise_signal(signal.SIGTERM)

    return progress
