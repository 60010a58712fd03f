"""Reading the recorded fixtures of AnimeDiffusion and ColorFlow, and remembering how far ours are from them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, cached_property
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from colorizer.engines.colorflow.in_context import Guidance
from diffusers import AutoencoderKL
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file

FORWARD = 2e-5
SAMPLING = 1e-4


class Fixture:
    """One folder of arrays and weights that a published program left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = json.loads((folder / "config.json").read_text("utf-8"))
        self._differences: list[str] = []

    @cached_property
    def arrays(self) -> dict[str, torch.Tensor]:
        with np.load(self.folder / "cases.npz") as file:
            return {name: torch.from_numpy(file[name]) for name in file.files}

    def weights(self, name: str) -> dict[str, torch.Tensor]:
        state = load_file(self.folder / name)
        return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}

    def keys(self, name: str = "full_keys.json") -> dict[str, list]:
        return json.loads((self.folder / name).read_text("utf-8"))["keys"]

    def cases(self, prefix: str) -> Iterator[str]:
        """Names of the cases `prefix...` in the arrays: what stands before the first dot after it."""
        names = {
            prefix + name[len(prefix) :].split(".")[0] for name in self.arrays if name.startswith(prefix)
        }
        return iter(sorted(names))

    def check(
        self,
        case: str,
        got: torch.Tensor | np.ndarray,
        want: torch.Tensor | str,
        limit: float,
        rounding: float = 0,
    ) -> None:
        """Compares and remembers.

        Args:
            want: an array or its name.
            limit: largest absolute difference; of floats larger than 1, a share of the largest.
            rounding: what single precision alone changes in this case, measured on our side; random weights can make it
                larger than any limit, and the published numbers hold as much of it.
        """
        want = self.arrays[want] if isinstance(want, str) else want
        got = torch.from_numpy(got.copy()) if isinstance(got, np.ndarray) else got
        assert got.shape == want.shape, f"{case}: {tuple(got.shape)} is not {tuple(want.shape)}"
        difference = float((got.double() - want.double()).abs().max())
        if want.is_floating_point():
            limit = max(limit * max(1.0, float(want.double().abs().max())), 2 * rounding)
        self._differences.append(f"{difference:9.2e}  (limit {limit:.1e})  {self.folder.name}: {case}")
        assert difference <= limit, f"{case}: {difference:.3g} > {limit:.3g}"

    def take_differences(self) -> list[str]:
        """The differences since this was last asked, a line each."""
        taken, self._differences = self._differences, []
        return taken


@cache
def open_fixture(folder: Path) -> Fixture:
    return Fixture(folder)


def build(kind, config):
    known = inspect.signature(kind.__init__).parameters
    return kind(**{name: value for name, value in config.items() if name in known}).eval()


def load_vae(fixture):
    vae = build(AutoencoderKL, fixture.config["vae"])
    vae.load_state_dict(fixture.weights(fixture.config["vae_weights"]))
    return vae


def finished_pipelines(fixture):
    """Names and settings of the published pipeline runs that didn't fail."""
    runs = {name: run for name, run in fixture.config["detail"].items() if name.startswith("pipe.")}
    return [(name, run) for name, run in runs.items() if "ERROR" not in run]


def guidance_of(run, published):
    return Guidance(
        prompt=run.get("guidance_scale", published.prompt),
        guider=run.get("colorguider_conditioning_scale", 1.0),
        guider_start=run.get("control_guidance_start", 0.0),
        guider_end=run.get("control_guidance_end", 1.0),
    )


def exact_embedding(
    timesteps, embedding_dim, flip_sin_to_cos, downscale_freq_shift, scale=1, max_period=10000
):
    """diffusers' time embedding in double precision.

    In single it depends on the processor: the last bit of exp() is not the same on all, and at time 999 that bit is
    3e-5 of the embedding, for the published programs as well as for ours.
    """
    assert flip_sin_to_cos
    assert downscale_freq_shift == 0
    half = embedding_dim // 2
    rates = max_period ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = scale * timesteps.double()[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], dim=1)


EMBEDDINGS = (
    "diffusers.models.embeddings.get_timestep_embedding",
    "colorizer.engines.anime_diffusion.unet.get_timestep_embedding",
)


def in_both_precisions(networks, compute):
    """What `compute(dtype)` gives in single precision, and how far that is from double precision."""
    single = compute(torch.float32)
    with ExitStack() as patches:
        for name in EMBEDDINGS:
            patches.enter_context(mock.patch(name, exact_embedding))
        for network in networks:
            network.double()
        double = compute(torch.float64)
    for network in networks:
        network.float()
    return single, float((single.double() - double).abs().max())


def check_denoising(fixture, case, run, pipeline, condition):
    networks = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]

    def denoise(dtype):
        return pipeline.denoise(
            fixture.arrays[f"{case}.latents"].to(dtype),
            condition.to(dtype),
            steps=run["num_inference_steps"],
            guidance=guidance_of(run, pipeline.published_guidance),
        )

    got, rounding = in_both_precisions(networks, denoise)
    assert pipeline.scheduler.timesteps.tolist() == fixture.arrays[f"{case}.timesteps"].tolist()
    fixture.check(f"{case}.out_latent", got, f"{case}.out_latent", SAMPLING, rounding)


def shapes(network):
    return {key: list(value.shape) for key, value in network.state_dict().items()}


@contextmanager
def without_lora(network):
    """Inside, the network's adapter is switched off."""
    adapted = [part for part in network.modules() if isinstance(part, BaseTunerLayer)]
    assert adapted
    for part in adapted:
        part.enable_adapters(enabled=False)
    yield
    for part in adapted:
        part.enable_adapters(enabled=True)
