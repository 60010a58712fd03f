"""What single precision leaves open between a recording and us, measured: the rates of the time, and rounding.

The published programs ran on a processor whose last bit of exp() isn't everybody's (on an Intel processor,
`MKL_CBWR=COMPATIBLE` brings it back). At time 999 that bit is 3e-5 of the time embedding and more than all else, so the
networks are told the time in the recording's own rates. What remains is the order of the additions in matrix products;
how far that carries through random weights is computed here, against double precision.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from unittest import mock

import torch
from colorizer.engines.anime_diffusion.unet import TIME_PERIOD
from torch import Tensor, nn

EMBEDDINGS = (
    "diffusers.models.embeddings.get_timestep_embedding",
    "colorizer.engines.anime_diffusion.unet.get_timestep_embedding",
)
RECORDED = ((r"time_embedding\.dim\d+", TIME_PERIOD), (r"timestep_embedding_\d+\.out", 10000))
"""Names of recorded time embeddings, with their longest wavelengths."""
UNITS = (0, 1, -1, 2, -2)
"""Units in the last place in which recorded rates are looked for, what is nearest to ours first."""
SAMPLES = 3
"""Networks, besides the recorded one, from whose results the effect of rounding is taken."""

Rates = dict[tuple[int, int], Tensor]
"""Radians per time step, by period and number."""


def recorded_rates(arrays: Mapping[str, Tensor]) -> Rates:
    """The rates that the recorded time embeddings among `arrays` were made with."""
    found = {}
    for pattern, period in RECORDED:
        for name in (name for name in arrays if re.fullmatch(pattern, name)):
            t = arrays[name.rpartition(".")[0] + ".t"]
            rates = _rates_of(arrays[name], t, period)
            # halving the width leaves out every second rate and changes no bit of the others
            found |= {(period, len(rates) // step): rates[::step] for step in (1, 2, 4, 8)}
    return found


def own_rates(half: int, period: int) -> Tensor:
    """(half,) as diffusers computes them, and as the published programs did."""
    return torch.exp(-math.log(period) * torch.arange(half, dtype=torch.float32) / half)


def exact_rates(half: int, period: int) -> Tensor:
    """(half,) in double precision."""
    return torch.exp(-math.log(period) * torch.arange(half, dtype=torch.float64) / half)


def _rates_of(embedding: Tensor, t: Tensor, period: int) -> Tensor:
    """(half,) from a recorded embedding (times, 2 * half), cosines first."""
    cosines, sines = embedding.double().chunk(2, dim=1)
    own = own_rates(cosines.shape[1], period)
    best, least = own, torch.full(own.shape, math.inf, dtype=torch.float64)
    for units in UNITS:
        rates = own
        for _ in range(abs(units)):
            rates = torch.nextafter(rates, torch.full_like(own, math.copysign(math.inf, units)))
        angles = (t.float()[:, None] * rates).double()
        off = torch.maximum((angles.cos() - cosines).abs(), (angles.sin() - sines).abs()).amax(dim=0)
        best, least = torch.where(off < least, rates, best), torch.minimum(off, least)
    return best


def embed_time(
    timesteps: Tensor,
    embedding_dim: int,
    flip_sin_to_cos: bool,  # noqa: FBT001 - diffusers' own signature
    downscale_freq_shift: float,
    scale: float = 1,
    max_period: int = 10000,
    *,
    rates: Rates,
    unrecorded: Callable[[int, int], Tensor],
) -> Tensor:
    """diffusers' time embedding with the given rates, and others for numbers or periods that aren't among them."""
    assert flip_sin_to_cos
    assert downscale_freq_shift == 0
    half = embedding_dim // 2
    chosen = rates[max_period, half] if (max_period, half) in rates else unrecorded(half, max_period)
    angles = scale * (timesteps.to(chosen.dtype)[:, None] * chosen)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


@contextmanager
def told_time(rates: Rates, unrecorded: Callable[[int, int], Tensor] = own_rates) -> Iterator[None]:
    """Inside, all networks embed the time with `rates`, see `embed_time`."""
    with ExitStack() as patches:
        for name in EMBEDDINGS:
            patches.enter_context(mock.patch(name, partial(embed_time, rates=rates, unrecorded=unrecorded)))
        yield


@contextmanager
def last_places_changed(network: nn.Module, seed: int) -> Iterator[None]:
    """Inside, the last place of every weight is one up, one down or as it was."""
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():
            units = torch.randint(-1, 2, value.shape, generator=generator)
            value.mul_(1 + units * torch.finfo(torch.float32).eps)
    yield
    network.load_state_dict(weights)


def roundings(
    networks: Sequence[nn.Module], compute: Callable[[torch.dtype], Sequence[Tensor]], rates: Rates
) -> list[float]:
    """How far each result of `compute(torch.float32)` can be from double precision.

    One run may be near by luck: it is repeated with networks that single precision can hardly tell from the first.
    """
    runs = [compute(torch.float32)]
    for seed in range(SAMPLES):
        with ExitStack() as changes:
            for network in networks:
                changes.enter_context(last_places_changed(network, seed))
            runs.append(compute(torch.float32))
    for network in networks:
        network.double()
    with told_time(rates, unrecorded=exact_rates):
        double = compute(torch.float64)
    for network in networks:
        network.float()
    return [
        max(float((run[index].double() - exact).abs().max()) for run in runs)
        for index, exact in enumerate(double)
    ]
