"""Reading the recorded fixtures of AnimeDiffusion and ColorFlow, and remembering how far ours are from them."""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from colorizer.engines.colorflow.in_context import Guidance
from diffusers import AutoencoderKL
from peft.tuners.tuners_utils import BaseTunerLayer
from precision import Rates, recorded_rates, roundings
from safetensors.torch import load_file

LIMIT = 2e-5
"""Largest absolute difference, however large the values are."""
LAST_PLACES = 2
"""In which a step of the scheduler may differ; it has no matrix product, but logarithms and a few additions."""


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

    @cached_property
    def rates(self) -> Rates:
        """Of its time embeddings; those of ColorFlow's were recorded with the schedules."""
        schedules = self.folder.parent / "cd_schedules"
        beside = open_fixture(schedules).arrays if schedules.is_dir() else {}
        return recorded_rates(beside) | recorded_rates(self.arrays)

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
        limit: float = LIMIT,
        rounding: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Compares and remembers.

        Args:
            want: an array or its name.
            limit: largest absolute difference.
            rounding: what single precision alone changes in this case, asked where the limit doesn't hold: the recorded
                numbers may be off by as much as ours, so twice that is the limit then.
        """
        want = self.arrays[want] if isinstance(want, str) else want
        got = torch.from_numpy(got.copy()) if isinstance(got, np.ndarray) else got
        assert got.shape == want.shape, f"{case}: {tuple(got.shape)} is not {tuple(want.shape)}"
        difference = float((got.double() - want.double()).abs().max())
        limit = limit if difference <= limit else max(limit, 2 * rounding())
        largest = float(want.double().abs().max())
        self._differences.append(
            f"{difference:9.2e}  (limit {limit:.1e}, values to {largest:7.1e})  {self.folder.name}: {case}"
        )
        assert difference <= limit, f"{case}: {difference:.3g} > {limit:.3g}"

    def check_run(
        self,
        names: Sequence[str],
        networks: Sequence[torch.nn.Module],
        compute: Callable[[torch.dtype], Sequence[torch.Tensor]],
    ) -> None:
        """Compares the results of `networks` with the arrays of those names.

        Args:
            compute: the results in the given precision, which the networks are in by then.
        """
        rounding = cache(lambda: roundings(networks, compute, self.rates))
        for index, (name, got) in enumerate(zip(names, compute(torch.float32), strict=True)):
            self.check(name, got, name, rounding=lambda index=index: rounding()[index])

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


def check_denoising(fixture, case, run, pipeline, condition):
    """A whole run from its start: rounding grows from step to step here, see `check_steps`."""

    def denoise(dtype):
        return [_denoise(fixture, case, run, pipeline, condition, dtype)]

    fixture.check_run([f"{case}.out_latent"], _networks(pipeline), denoise)
    assert pipeline.scheduler.timesteps.tolist() == fixture.arrays[f"{case}.timesteps"].tolist()


def check_steps(fixture, case, run, pipeline, condition, output):
    """The same run with the recorded `output` in the place of each prediction, once that is compared."""
    predict, steps = pipeline.predict, itertools.count()

    def recorded_noise(latents, t, condition, guider):
        name = f"{case}.{output}{next(steps)}"
        fixture.check_run(
            [name],
            _networks(pipeline),
            lambda dtype: [predict(latents.to(dtype), t, condition.to(dtype), guider)],
        )
        return fixture.arrays[name]

    with mock.patch.object(pipeline, "predict", recorded_noise):
        got = _denoise(fixture, case, run, pipeline, condition, torch.float32)
    recorded = fixture.arrays[f"{case}.out_latent"]
    places = LAST_PLACES * run["num_inference_steps"]
    limit = places * torch.finfo(torch.float32).eps * float(recorded.abs().max())
    fixture.check(f"{case}.out_latent from the recorded {output}", got, recorded, limit)


def _networks(pipeline):
    """Those that predict noise."""
    networks = (part for part in pipeline.components.values() if isinstance(part, torch.nn.Module))
    return [network for network in networks if network is not pipeline.vae]


def _denoise(fixture, case, run, pipeline, condition, dtype):
    return pipeline.denoise(
        fixture.arrays[f"{case}.latents"].to(dtype),
        condition.to(dtype),
        steps=run["num_inference_steps"],
        guidance=guidance_of(run, pipeline.published_guidance),
    )


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
