"""Noise schedules, time steps and sinusoids of the full-size configuration."""

import pytest
import torch
from colorizer.engines.colorize_diffusion.noise import BETA_END, BETA_START, NoiseSchedule, Spacing
from colorizer.engines.colorize_diffusion.recovery import sinusoid
from colorizer.engines.colorize_diffusion.samplers import Sampler, make_scheduler, sigmas_of
from colorizer.engines.colorize_diffusion.settings import Prediction
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr
from published import Arrays

SYSTEMS = ("cd_schedules",)
ONE_LEVEL = 2e-6
"""Sigmas up to 14.6 in float32: one or two units in the last place."""
TIME = 1e-4
"""Time steps up to 999 in float32, and sines of them: one or two units in the last place."""
WITHOUT_SOLVER = {"DPM_adaptive"}
DIFFUSERS = {"ddim": Sampler.DDIM, "dpm": Sampler.DPM, "pndm": Sampler.PNDM, "lms": Sampler.LMS_LEADING}
SAMPLERS = {name.value.replace(" ", "_").replace("+", "p"): name for name in Sampler}


@pytest.fixture
def arrays(folder):
    return Arrays(folder / "cases.npz")


def test_schedule(arrays, agree):
    ours, recorded = NoiseSchedule(), arrays.of("ddpm_default")
    agree(ours.betas, recorded["betas"], 0, "betas")
    agree(ours.alphas_cumprod, recorded["alphas_cumprod"], 0, "alphas_cumprod")
    agree(ours.sigmas, arrays["k.all_sigmas_1000"], ONE_LEVEL, "sigmas")


def test_posterior_follows_from_the_schedule(arrays, agree):
    """The other buffers of a checkpoint hold nothing of their own, so they can be left out."""
    betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, 1000, dtype=torch.float64) ** 2
    kept = (1 - betas).cumprod(dim=0)
    before = torch.cat([kept.new_ones(1), kept[:-1]])
    variance = betas * (1 - before) / (1 - kept)
    derived = {
        "alphas_cumprod_prev": before,
        "sqrt_alphas_cumprod": kept.sqrt(),
        "sqrt_one_minus_alphas_cumprod": (1 - kept).sqrt(),
        "log_one_minus_alphas_cumprod": (1 - kept).log(),
        "sqrt_recip_alphas_cumprod": (1 / kept).sqrt(),
        "sqrt_recipm1_alphas_cumprod": (1 / kept - 1).sqrt(),
        "posterior_variance": variance,
        "posterior_log_variance_clipped": variance.clamp(min=1e-20).log(),
        "posterior_mean_coef1": betas * before.sqrt() / (1 - kept),
        "posterior_mean_coef2": (1 - before) * (1 - betas).sqrt() / (1 - kept),
    }
    for name, ours in derived.items():
        agree(ours, arrays[f"ddpm_default.{name}"], 4e-6, name)


def test_zero_snr_is_diffusers(arrays, agree):
    betas = rescale_zero_terminal_snr(NoiseSchedule().betas)
    agree(betas, arrays["ddpm_zero_snr.betas"], 1e-5)
    agree((1 - betas).cumprod(dim=0), arrays["ddpm_zero_snr.alphas_cumprod"], 1e-5)


def test_conversions(arrays, agree):
    ours = NoiseSchedule()
    agree(ours.timestep_of(arrays["sigma_to_t.sigma"]), arrays["sigma_to_t.t"], TIME, "time steps")
    agree(ours.sigma_at(arrays["t_to_sigma.t"]), arrays["t_to_sigma.sigma"], ONE_LEVEL, "sigmas")


def test_sinusoids(arrays, agree):
    for name in arrays.numbered("timestep_embedding_", ".t"):
        recorded = arrays.of(name.removesuffix(".t"))
        dim = recorded["out"].shape[1]
        agree(sinusoid(recorded["t"].float(), dim), recorded["out"], TIME, name)


def walks(arrays, start):
    """The parts of every recorded name, such as v, Euler_a, Automatic, 20."""
    for name in sorted(arrays.names):
        if name.startswith(start):
            yield name, name.split(".")[1:]


def test_noise_levels(arrays, agree):
    for name, (_, sampler, spacing, steps, _) in walks(arrays, ("k.v.", "k.eps.")):
        kind = Spacing(spacing.replace("_", " "))
        if sampler in WITHOUT_SOLVER:
            ours = NoiseSchedule().spaced_sigmas(kind, int(steps))
        else:
            ours = sigmas_of(SAMPLERS[sampler], kind, int(steps))
        agree(ours, arrays[name], ONE_LEVEL, name)


def test_diffusers_samplers(arrays, agree):
    for name, (sampler, kind, steps, what) in walks(arrays, "diffusers."):
        if sampler == "pndm" and int(steps) < 4:
            continue  # diffusers can't make so few; we refuse them
        spacing = Spacing.KARRAS if kind == "karras" else Spacing.AUTOMATIC
        scheduler = make_scheduler(DIFFUSERS[sampler], spacing, int(steps), Prediction.V)
        tolerance = TIME if what == "timesteps" else ONE_LEVEL
        agree(getattr(scheduler, what), arrays[name], tolerance, name)
