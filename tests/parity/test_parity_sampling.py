"""Whole sampling loops with the recorded noise: every forward pass's input and prediction, and the last latent."""

import importlib
from dataclasses import replace

import published
import pytest
import torch
from colorizer.engines.colorize_diffusion import sampling, solvers
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component
from colorizer.engines.colorize_diffusion.conditioning import Conditioner, resized
from colorizer.engines.colorize_diffusion.noise import Spacing
from colorizer.engines.colorize_diffusion.samplers import Sampler, initial_scale, make_scheduler
from colorizer.engines.colorize_diffusion.sampling import InjectedReference, Predictor, Window, denoise
from colorizer.engines.colorize_diffusion.settings import (
    BranchStrength,
    DiffusionSettings,
    Guidance,
    Injection,
    Modes,
    Prediction,
    Thresholds,
    Version,
)
from published import Arrays

SYSTEMS = ("cd_v1", "cd_v15", "cd_v2")
NOISE_USERS = (
    "diffusers.schedulers.scheduling_euler_ancestral_discrete",
    "diffusers.schedulers.scheduling_k_dpm_2_ancestral_discrete",
    "diffusers.schedulers.scheduling_dpmsolver_multistep",
)
ON_THE_WAY = 5e-4
"""Inside a loop, where the networks amplify what earlier steps differ by; the last latent has the stricter limit."""
DRAWS_IN_VAIN = (Sampler.EULER, Sampler.HEUN, Sampler.DPM2)
"""k-diffusion draws noise at the start of each of their steps and multiplies it by 0."""


def cases_of(folder):
    return list(published.config_of(folder)["sampling_cases"])


def settings_of(case, version):
    injection = case["injection"]
    # the published program does not pass the strengths of the two sides on in v1 and v1.5
    used = version is Version.V2
    strength = BranchStrength(
        case["fg_strength"] if used else 1.0, case["bg_strength"] if used else 1.0, case["merge"]
    )
    window = (case["start"], case["end"], case["no_start"], case["no_end"])
    return DiffusionSettings(
        modes=Modes(case["fg"], case["bg"], case["style"]),
        thresholds=Thresholds(case["mask_ss"], case["mask_ts"]),
        strength=strength,
        scales=published.scales_of(case["strength"]),
        sketch_strength=case["ctl_scale"],
        background_factor=case["mask_scale"],
        guidance=Guidance(*case["gs"], *window),
        injection=Injection(injection["cfg"], injection["control"], injection["start"])
        if injection
        else None,
        parity=True,
    )


class Noise:
    """The recorded draws in their order."""

    def __init__(self, recorded, sampler):
        kinds = ("brownian", ".noise"), ("randn_like", "")
        self.solver = iter([recorded[name] for name in recorded.numbered(*kinds[0])])
        self.others = iter([recorded[name] for name in recorded.numbered(*kinds[1])])
        self.has_brownian = bool(recorded.numbered(*kinds[0]))
        self.sampler = sampler

    def for_injection(self, *_, **__):
        return next(self.others)

    def for_solver(self, *_, **__):
        # diffusers draws after the last step too, and multiplies by 0
        return next(self.solver if self.has_brownian else self.others, torch.zeros(()))

    def before_call(self, scheduler):
        if self.sampler in DRAWS_IN_VAIN and getattr(scheduler, "state_in_first_order", True):
            next(self.others)


@pytest.fixture
def run(folder, case, monkeypatch):
    """The loop of a case: its predictor, scheduler, first sample and what was recorded."""
    config, model = published.config_of(folder)["sampling_cases"][case], published.model_of(folder)
    if config["sampler"] == "DPM adaptive":
        pytest.skip("DPM adaptive has no fixed number of steps and is left out")
    recorded = Arrays(folder / "cases_sampling.npz").of(case)
    networks = published.recorded_networks(model, recorded)
    inputs = Arrays(folder / "cases_forward.npz").of("inputs.a")
    pictures = published.pictures_of(inputs, config["cond"])
    settings = settings_of(config, model.version)
    sampler = Sampler(config["sampler"])
    prediction = Prediction.EPSILON if config["param"] == "eps" else Prediction.V
    with torch.no_grad():
        conditions = Conditioner(model.version, networks).prepare(pictures, settings)
        if config["manip"]["targets"]:  # the text vectors were not recorded, what became of the tokens was
            conditions = replace(conditions, tokens=recorded["c.context"][:1])
        injected = None
        if settings.injection:
            reference = resized(inputs[config["injection"]["xr"]], pictures.size)
            own = model.networks[Component.SKETCH_ENCODER](-reference)
            injected = InjectedReference(networks.encode(pictures.reference), own)
    scheduler = make_scheduler(sampler, Spacing(config["scheduler"]), config["step"], prediction)
    noise = Noise(recorded, sampler)
    give_noise(monkeypatch, noise, scheduler)
    predict = Predictor(
        model.denoiser,
        conditions,
        settings,
        Window(settings.guidance, model.version, parity=True),
        injected,
        [torch.Generator()] * config["bs"],
    )
    return predict, scheduler, recorded["x_T"] * initial_scale(sampler, scheduler), recorded, noise


def give_noise(monkeypatch, noise, scheduler):
    for name in NOISE_USERS:
        monkeypatch.setattr(importlib.import_module(name), "randn_tensor", noise.for_solver)
    monkeypatch.setattr(solvers, "randn_tensor", noise.for_solver)
    monkeypatch.setattr(sampling, "randn_tensor", noise.for_injection)
    if hasattr(scheduler, "noise_sampler_seed"):
        scheduler.noise_sampler = noise.for_solver


class Recorder:
    """Passes on to a predictor and compares every call with the recorded one."""

    def __init__(self, predict, scheduler, recorded, noise, agree):
        self.predict, self.scheduler, self.recorded = predict, scheduler, recorded
        self.noise, self.agree = noise, agree
        self.generators = predict.generators
        self.calls = 0

    def __call__(self, latent, timestep):
        name = f"call{self.calls}"
        self.calls += 1
        self.noise.before_call(self.scheduler)
        self.agree(latent, self.recorded[f"{name}.x"], ON_THE_WAY, f"{name}.x")
        self.agree(timestep, self.recorded[f"{name}.t"][0], 1e-4, f"{name}.t")
        rows = self.predict.all_rows(latent, timestep)
        self.agree(published_order(rows, self.predict.rows), self.recorded[f"{name}.out"], ON_THE_WAY, name)
        return self.predict.rows.combine(rows, self.predict.settings.guidance)


def published_order(rows, kinds):
    """Their rows without reference come before those without sketch."""
    if not (kinds.without_sketch and kinds.without_reference):
        return rows
    conditional, without_sketch, without_reference = rows.chunk(3)
    return torch.cat([conditional, without_reference, without_sketch])


def noise_levels(scheduler):
    """The sigmas at which steps start: schedulers that evaluate between them hold most levels twice."""
    return torch.unique_consecutive(scheduler.sigmas)


@torch.no_grad()
def test_loop(run, agree):
    predict, scheduler, first, recorded, noise = run
    if "timesteps" in recorded:
        agree(scheduler.timesteps, recorded["timesteps"], 0, "timesteps")
    else:
        agree(noise_levels(scheduler), recorded["sigmas"], 2e-6, "sigmas")
    context = recorded["c.context"]
    agree(predict.conditions.tokens.expand_as(context), context, name="context")
    for i, name in enumerate(recorded.numbered("c.style_modulations.")):
        agree(predict.conditions.style[i].expand_as(recorded[name]), recorded[name], name=name)
    if "c.threshold" in recorded:
        agree(predict.conditions.split.threshold, recorded["c.threshold"], 1e-7, "threshold")
    recorder = Recorder(predict, scheduler, recorded, noise, agree)
    final = denoise(recorder, scheduler, first)
    assert recorder.calls == len(recorded.numbered("call", ".x"))
    agree(final, recorded["z_final"], published.LOOP, "last latent")
