"""Trains the match engine's correspondence network on procedural drawings.

The truth is known for every pixel, so the attention is supervised directly: a region of the sketch must attend to the
reference's cells of the same part or colour, or to the null key if the reference has neither. Existing pictures are
used only with a share of real art (`--art`, `colorizer_lab.data.art`). Batches come from `match_data`, metrics on
held-out drawings from `match_validation`. With `torchrun`, several processes train together (`processes`).

    python -m colorizer_lab.training.match --out DIR --limit-minutes 65
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from colorizer.engines.match.network import Features, MatchConfig, MatchNetwork, WarpField
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from colorizer_lab.data.abstract import abstract_triplet
from colorizer_lab.data.drawing import Triplet, triplet
from colorizer_lab.data.palette import BACKGROUND_PARTS, Part
from colorizer_lab.training.loop import (
    Pace,
    TrainingProgress,
    follow,
    log,
    open_run,
    run,
    save_checkpoint,
    save_folder,
)
from colorizer_lab.training.match_data import (
    Batch,
    Draw,
    DrawingRing,
    collate,
    crop,
    draw_frames,
    key_parts,
    lay,
    vary,
)
from colorizer_lab.training.match_validation import validate
from colorizer_lab.training.processes import Processes, StopTogether

MODEL_FOLDER = "model"

SAME_COLOUR = 0.1
"""RGB distance (0..1) below which two palette colours count as equal; about CIEDE2000 10, as in the evaluation."""

NEVER = -1e4
"""A logit that is negligible in a sum of exponentials, in the range of bf16 and fp32."""

OUTSIDE = 9.0
"""A coordinate outside every picture."""


@dataclass(frozen=True)
class Recipe:
    """All settings that determine the trained weights, except the seed."""

    network: MatchConfig = MatchConfig(parts=len(Part), background_parts=BACKGROUND_PARTS)
    start: Path | None = None
    """A `model/` folder of an earlier training to start from; None: random weights."""
    steps: int = 2600
    """Number of steps; the learning rate decays to its minimum at the last one."""
    batch: int = 16
    art: float = 0.0
    """Share of the batch that is real art (`colorizer_lab.data.art`, its `train` families)."""
    abstract: float = 0.0
    """Share of the batch that is abstract shapes (`colorizer_lab.data.abstract`)."""
    drawings_kept: int = 2048
    art_kept: int = 256
    """Number of pairs of real art in the ring; they take longer to make than drawings."""
    drawings_per_step: int = 8
    drawn_larger: int = 2
    """Ratio of the drawings' side to the network's input, so that a crop can be enlarged."""
    close_ups: float = 0.6
    """Share of the triplets with known masks of which only a crop is used."""
    not_laid: float = 0.1
    """Share of the references that are not registered (warped) to their sketch."""
    regions: int = 32
    """Regions compared per sketch and step."""
    places: int = 6
    """Points compared per region."""
    learning_rate: float = 1.2e-3
    warmup_steps: int = 150
    weight_decay: float = 0.01
    average: float = 0.998
    """Decay of the exponential moving average of the weights, which is the product."""
    log_every: int = 25
    save_every: int = 250
    validation_drawings: int = 96


def train(
    out: Path,
    *,
    resume: bool = False,
    limit_minutes: float = math.inf,
    device: str = "cpu",
    seed: int = 0,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
    recipe: Recipe | None = None,
) -> None:
    """Trains until the recipe's last step, the time limit, or SIGINT/SIGTERM, whichever comes first.

    Writes to `out`: `checkpoint.pt` (the full state, to resume exactly), `training.jsonl` (metrics) and `model/` (for
    `MatchNetwork.from_pretrained`).

    Raises:
        InvalidInput: `out` contains a training and `resume` is not set, or the other way round; or the batch cannot be
            divided evenly among the processes.
    """
    recipe, processes = recipe or Recipe(), Processes.join(device)
    processes.check(recipe.batch)
    state = open_run(out, resume=resume) if processes.is_first else None
    processes.wait()
    if resume and state is None:
        state = open_run(out, resume=True)
    training = _Training(recipe, processes, seed, state)
    log_every = recipe.log_every if processes.is_first else recipe.steps + 1
    pace = Pace(recipe.steps, log_every, recipe.save_every)
    run(training, out, pace, StopTogether(limit_minutes, processes), progress)
    if processes.is_first:
        figures = validate(training.averaged, recipe.validation_drawings)
        log(out, step=training.step, **asdict(figures))
    processes.wait()


class _Training:
    """The state of a training run."""

    def __init__(self, recipe: Recipe, processes: Processes, seed: int, state: dict[str, Any] | None) -> None:
        self.recipe = recipe
        self.losses: dict[str, float] = {}
        self.step = 0
        self._processes = processes
        self._device = str(processes.device)
        self._seed = seed
        self._started = time.monotonic()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            start = recipe.start
            network = MatchNetwork.from_pretrained(start) if start else MatchNetwork(recipe.network)
        self._network = network.to(processes.device).train()
        self._average = AveragedModel(self._network, avg_fn=self._follow)
        self._optimiser = torch.optim.AdamW(
            self._network.parameters(), recipe.learning_rate, betas=(0.9, 0.98),
            weight_decay=recipe.weight_decay,
        )  # fmt: skip
        drawn = self._restore(state) if state else [0, 0, 0]
        self._size = recipe.network.image_size
        together = recipe.batch // processes.count
        art, abstract = round(together * recipe.art), round(together * recipe.abstract)
        series: list[tuple[int, int, Draw]] = [(together - art - abstract, recipe.drawings_kept, triplet)]
        if art:
            series.append((art, recipe.art_kept, _art_drawer()))
        if abstract:
            series.append((abstract, recipe.drawings_kept, abstract_triplet))
        size, share = self._size * recipe.drawn_larger, (processes.rank, processes.count)
        self._shares = [
            (count, DrawingRing(kept // processes.count, size, self._seed, already, share, draw))
            for (count, kept, draw), already in zip(series, drawn, strict=False)
        ]

    @property
    def averaged(self) -> MatchNetwork:
        """The network with the averaged weights, in evaluation mode."""
        network = self._average.module
        assert isinstance(network, MatchNetwork)
        return network.eval()

    def advance(self) -> None:
        """Runs one step."""
        generator = self._luck()
        drawings: list[Triplet | None] = []
        for count, ring in self._shares:
            ring.renew(self.recipe.drawings_per_step * count // self.recipe.batch)
            drawings += ring.pick(count, generator)
        batch, warp = self._see(vary(collate(drawings), generator), generator)
        places, regions = region_places(batch, self.recipe, generator)
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.recipe)
        losses = self._losses(batch.to(self._device), warp, places.to(self._device), regions.to(self._device))
        self._optimiser.zero_grad()
        torch.autograd.backward(torch.stack(list(losses.values())).sum())
        self._processes.average_gradients(self._network.parameters())
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimiser.step()
        self._average.update_parameters(self._network)
        self.step += 1
        for name, loss in losses.items():
            follow(self.losses, name, self._processes.mean(loss))

    def figures(self) -> dict[str, Any]:
        """The metrics for the log. `minutes` counts from the start of this process."""
        minutes = (time.monotonic() - self._started) / 60
        samples = self.step * self.recipe.batch
        rounded = {name: round(value, 4) for name, value in self.losses.items()}
        return {"step": self.step, "samples": samples, "minutes": round(minutes, 2), **rounded}

    def save(self, out: Path) -> None:
        """Writes the checkpoint and the averaged network, in one process only."""
        if not self._processes.is_first:
            return
        state = {
            "step": self.step,
            "seed": self._seed,
            "drawn": [ring.drawn for _, ring in self._shares],
            "losses": self.losses,
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        save_checkpoint(out, state)
        save_folder(out / MODEL_FOLDER, self.averaged.save_pretrained)

    def _restore(self, state: dict[str, Any]) -> list[int]:
        """Loads a checkpoint, and returns the number of triplets of each series that had been drawn."""
        self.step, self._seed, self.losses = state["step"], state["seed"], state["losses"]
        self._network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        drawn: list[int] = state["drawn"]
        return drawn

    def _follow(self, averaged: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
        """Update of the moving average, with a lower decay in the first steps."""
        follow = 1 - min(self.recipe.average, float(count) / (float(count) + 20))
        return averaged.lerp(current, follow)

    def _luck(self) -> torch.Generator:
        """The random generator of this step and process; the same in a resumed training."""
        number = self.step * self._processes.count + self._processes.rank
        return torch.Generator().manual_seed(self._seed * 2**40 + number)

    def _see(self, drawn: Batch, generator: torch.Generator) -> tuple[Batch, WarpField]:
        """The network's input: whole pictures or crops, and the warp fields of the references. Some references are not
        registered, as when the engine compares two pages."""
        frames = draw_frames(drawn, self.recipe.close_ups, generator)
        warp = lay(drawn, frames, self._size)
        away = torch.rand(len(frames), generator=generator) < self.recipe.not_laid
        warp.where[away], warp.likeness[away] = OUTSIDE, 0
        return crop(drawn, frames, self._size), WarpField(
            warp.where.to(self._device), warp.likeness.to(self._device)
        )

    def _losses(self, batch: Batch, warp: WarpField, places: Tensor, regions: Tensor) -> dict[str, Tensor]:
        with torch.autocast(self._device.partition(":")[0], torch.bfloat16):
            features = self._network.features(
                batch.ink, batch.ink_mask, batch.reference, batch.reference_mask, warp
            )
        logits = self._network.logits(features, places.flatten(1)).view(*places.shape, -1)
        return match_losses(batch, features, logits, places, regions)


def _art_drawer() -> Callable[[int, int], Triplet]:
    """A function that draws pairs of the real art's training split."""
    from colorizer_lab.data.art.library import open_library
    from colorizer_lab.data.art.pairs import art_triplet

    library = open_library()
    numbers = library.of("train")
    return lambda seed, size: art_triplet(library, numbers, seed, size)


def learning_rate(step: int, recipe: Recipe) -> float:
    """Warm-up, then cosine decay to 1/50."""
    warm = min(1.0, (step + 1) / recipe.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(step / recipe.steps, 1.0)))
    return recipe.learning_rate * warm * (0.02 + 0.98 * cosine)


def region_places(batch: Batch, recipe: Recipe, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Samples regions of each sketch, large ones more often (by the root of their size), and points inside them.

    Returns:
        places: the points, (B, R, M) indices into the query grid.
        regions: the part of each region, (B, R).
    """
    stride = recipe.network.image_size // recipe.network.query_grid
    instances = batch.instances[:, ::stride, ::stride].flatten(1)
    parts = batch.parts[:, ::stride, ::stride].flatten(1)
    sizes = torch.zeros(len(parts), 256).scatter_add_(1, instances, torch.ones(parts.shape))
    weights = sizes.gather(1, instances) ** -0.5
    first = torch.multinomial(weights, recipe.regions, generator=generator)
    inside = instances.gather(1, first)[:, :, None] == instances[:, None]
    order = torch.rand(inside.shape, generator=generator) * inside
    value, places = order.topk(recipe.places, 2)
    # In a region with fewer points than that, the first point is repeated.
    return torch.where(value > 0, places, first[:, :, None]), parts.gather(1, first)


def match_losses(
    batch: Batch, features: Features, logits: Tensor, places: Tensor, regions: Tensor
) -> dict[str, Tensor]:
    """The weighted losses; their sum is minimised.

    As at run time, colours of the figure are read only from the reference's figure, and those of the background only
    from its background, if both masks are known.

    Args:
        batch: the pictures and the truth.
        features: the network's features.
        logits: attention logits of the points, (B, R, M, K*K + 1).
        places: the points, (B, R, M) indices into the query grid.
        regions: (B, R), the part of each region.
    """
    keys = key_parts(batch.reference_parts, int(math.isqrt(features.colours.shape[1]))).flatten(1)
    truth = _colours_of(batch.palette, regions)
    key_truth = _colours_of(batch.palette, keys)
    same_side = (regions < BACKGROUND_PARTS)[:, :, None] == (keys < BACKGROUND_PARTS)[:, None]
    right = (torch.cdist(truth, key_truth) < SAME_COLOUR) | (regions[:, :, None] == keys[:, None])
    right &= same_side
    known = batch.ink_mask.flatten(1).any(1) & batch.reference_mask.flatten(1).any(1)
    unread = F.pad(known[:, None, None] & ~same_side, (0, 1))
    logits = logits.masked_fill(unread[:, :, None], NEVER)
    present = right.any(2)
    right = torch.cat([right, ~present[..., None]], 2)

    share = logits.log_softmax(-1)
    found = torch.logsumexp(share.masked_fill(~right[:, :, None], NEVER), -1)  # (B, R, M)
    pooled = torch.logsumexp(found, -1) - math.log(found.shape[-1])

    seen = logits[..., :-1].softmax(-1).mean(2)  # (B, R, K*K): the region's attention, as at run time
    colour = (torch.matmul(seen, features.colours) - truth).abs().mean(-1)
    part_logits = features.sketch_parts.flatten(2).transpose(1, 2)
    part_logits = part_logits.gather(1, places[:, :, 0, None].expand(-1, -1, part_logits.shape[-1]))
    reference_logits = features.reference_parts.flatten(2).transpose(1, 2)
    return {
        "attention": -0.5 * found.mean(),
        "region": -0.5 * pooled.mean(),
        "colour": (colour * present).sum() / present.sum().clamp(min=1),
        "pick": 0.5 * (features.colours - key_truth).abs().mean(),
        "sketch_part": 0.4 * _part_loss(part_logits, regions, batch.named),
        "reference_part": 0.4 * _part_loss(reference_logits, keys, batch.named),
    }


def _part_loss(logits: Tensor, parts: Tensor, named: Tensor) -> Tensor:
    """Cross entropy of part logits (B, N, P). Where parts are not known, only background is told from foreground."""
    every = torch.arange(logits.shape[-1], device=logits.device)
    same_side = (every < BACKGROUND_PARTS) == (parts < BACKGROUND_PARTS)[..., None]
    fits = torch.where(named[:, None, None], every == parts[..., None], same_side)
    return -torch.logsumexp(logits.log_softmax(-1).masked_fill(~fits, NEVER), -1).mean()


def _colours_of(palette: Tensor, parts: Tensor) -> Tensor:
    """The palette's colours (B, P, 3) of parts (B, N): (B, N, 3)."""
    return palette.gather(1, parts[..., None].expand(-1, -1, 3))


def main() -> None:
    """Runs the command; `colorize train match` is the same with a progress bar."""
    parser = argparse.ArgumentParser(prog="python -m colorizer_lab.training.match")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the folder")
    parser.add_argument("--limit-minutes", type=float, default=math.inf)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=Recipe().steps, help="length of the whole run")
    parser.add_argument("--learning-rate", type=float, default=Recipe().learning_rate, help="the highest")
    parser.add_argument(
        "--save-every", type=int, default=Recipe().save_every, help="steps between checkpoints"
    )
    parser.add_argument(
        "--art", type=float, default=0.0, help="share of real art, see colorizer_lab.data.art"
    )
    parser.add_argument(
        "--abstract",
        type=float,
        default=0.0,
        help="share of shapes without meaning, colorizer_lab.data.abstract",
    )
    # Not `--start`: torchrun would take that for one of its own.
    parser.add_argument("--from", dest="start", type=Path, help="folder of a trained model to begin with")
    options = parser.parse_args()
    train(
        options.out,
        resume=options.resume,
        limit_minutes=options.limit_minutes,
        device=options.device,
        seed=options.seed,
        recipe=Recipe(
            start=options.start,
            steps=options.steps,
            learning_rate=options.learning_rate,
            art=options.art,
            abstract=options.abstract,
            save_every=options.save_every,
        ),
    )


if __name__ == "__main__":
    main()
