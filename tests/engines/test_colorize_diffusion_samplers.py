"""Every sampler against its formula, written out here in k-diffusion's terms (sigma space, denoised estimates)."""

import importlib

import pytest
import torch
from colorizer.engines.colorize_diffusion import solvers
from colorizer.engines.colorize_diffusion.noise import NoiseSchedule, Spacing
from colorizer.engines.colorize_diffusion.samplers import (
    SOLVERS,
    Sampler,
    initial_scale,
    make_scheduler,
    sigmas_of,
)
from colorizer.engines.colorize_diffusion.sampling import denoise
from colorizer.engines.colorize_diffusion.settings import Prediction
from colorizer.errors import InvalidInput

SHAPE = (1, 4, 2, 2)
DRAWS_NOISE = (
    "diffusers.schedulers.scheduling_euler_ancestral_discrete",
    "diffusers.schedulers.scheduling_k_dpm_2_ancestral_discrete",
    "diffusers.schedulers.scheduling_dpmsolver_multistep",
)


def network(x, t):
    """Something smooth, not linear, that depends on the time step."""
    return torch.sin(1.3 * x + 0.002 * t) * 0.5 + 0.1 * x


class Toy:
    """The published wrapper: denoised estimates of a v-predicting network at any sigma."""

    def __init__(self):
        self.schedule = NoiseSchedule()

    def __call__(self, x, sigma):
        t = self.schedule.timestep_of(sigma.view(1))
        v = network(x / (sigma**2 + 1) ** 0.5, t)
        return x / (sigma**2 + 1) - v * sigma / (sigma**2 + 1) ** 0.5


def ancestral(level, following):
    up = min(following, (following**2 * (level**2 - following**2) / level**2) ** 0.5)
    return (following**2 - up**2) ** 0.5, up


def derivative(x, sigma, denoised):
    return (x - denoised) / sigma


def euler(model, x, s, noise):
    for i in range(len(s) - 1):
        x = x + derivative(x, s[i], model(x, s[i])) * (s[i + 1] - s[i])
    return x


def euler_a(model, x, s, noise):
    for i in range(len(s) - 1):
        down, up = ancestral(s[i], s[i + 1])
        x = x + derivative(x, s[i], model(x, s[i])) * (down - s[i])
        x = x + next(noise) * up if s[i + 1] > 0 else x
    return x


def heun(model, x, s, noise):
    for i in range(len(s) - 1):
        d = derivative(x, s[i], model(x, s[i]))
        ahead = x + d * (s[i + 1] - s[i])
        if s[i + 1] > 0:
            d = (d + derivative(ahead, s[i + 1], model(ahead, s[i + 1]))) / 2
        x = x + d * (s[i + 1] - s[i])
    return x


def dpm_2(model, x, s, noise, *, is_ancestral=False):
    for i in range(len(s) - 1):
        down, up = ancestral(s[i], s[i + 1]) if is_ancestral else (s[i + 1], 0)
        d = derivative(x, s[i], model(x, s[i]))
        if down > 0:
            middle = (s[i] * down).sqrt()
            half = x + d * (middle - s[i])
            d = derivative(half, middle, model(half, middle))
        x = x + d * (down - s[i])
        x = x + next(noise) * up if is_ancestral and s[i + 1] > 0 else x
    return x


def dpm_2_a(model, x, s, noise):
    return dpm_2(model, x, s, noise, is_ancestral=True)


def dpmpp_2s_a(model, x, s, noise):
    for i in range(len(s) - 1):
        down, up = ancestral(s[i], s[i + 1])
        denoised = model(x, s[i])
        if down > 0:
            middle = (s[i] * down).sqrt()
            half = middle / s[i] * x + (1 - middle / s[i]) * denoised
            denoised = model(half, middle)
        x = down / s[i] * x + (1 - down / s[i]) * denoised
        x = x + next(noise) * up if s[i + 1] > 0 else x
    return x


def dpmpp_2m(model, x, s, noise):
    old = None
    for i in range(len(s) - 1):
        denoised = model(x, s[i])
        mixed = denoised
        if old is not None and s[i + 1] > 0:
            r = torch.log(s[i - 1] / s[i]) / torch.log(s[i] / s[i + 1])
            mixed = denoised * (1 + 1 / (2 * r)) - old / (2 * r)
        x = s[i + 1] / s[i] * x + (1 - s[i + 1] / s[i]) * mixed
        old = denoised
    return x


def dpmpp_2m_sde(model, x, s, noise, *, is_heun=False):
    old, h_last = None, None
    for i in range(len(s) - 1):
        denoised = model(x, s[i])
        if s[i + 1] == 0:
            return denoised
        h = torch.log(s[i] / s[i + 1])
        x = s[i + 1] / s[i] * torch.exp(-h) * x - torch.expm1(-2 * h) * denoised
        if old is not None:
            slope = (denoised - old) * h / h_last
            x = x + ((torch.expm1(-2 * h) / (2 * h) + 1) if is_heun else 0.5 * -torch.expm1(-2 * h)) * slope
        x = x + next(noise) * s[i + 1] * torch.sqrt(-torch.expm1(-2 * h))
        old, h_last = denoised, h
    return x


def dpmpp_2m_sde_heun(model, x, s, noise):
    return dpmpp_2m_sde(model, x, s, noise, is_heun=True)


def dpmpp_3m_sde(model, x, s, noise):
    past = []
    for i in range(len(s) - 1):
        denoised = model(x, s[i])
        if s[i + 1] == 0:
            return denoised
        h = torch.log(s[i] / s[i + 1])
        x = torch.exp(-2 * h) * x - torch.expm1(-2 * h) * denoised
        phi_2 = torch.expm1(-2 * h) / (2 * h) + 1
        if len(past) > 1:
            (d_1, h_1), (d_2, h_2) = past[-1], past[-2]
            r0, r1 = h_1 / h, h_2 / h
            s_0, s_1 = (denoised - d_1) / r0, (d_1 - d_2) / r1
            first = s_0 + (s_0 - s_1) * r0 / (r0 + r1)
            x = x + phi_2 * first - (phi_2 / (2 * h) - 0.5) * (s_0 - s_1) / (r0 + r1)
        elif past:
            x = x + phi_2 * (denoised - past[-1][0]) * h / past[-1][1]
        x = x + next(noise) * s[i + 1] * torch.sqrt(-torch.expm1(-2 * h))
        past.append((denoised, h))
    return x


def dpmpp_sde(model, x, s, noise):
    for i in range(len(s) - 1):
        denoised = model(x, s[i])
        if s[i + 1] == 0:
            return denoised
        middle = (s[i] * s[i + 1]).sqrt()
        down, up = ancestral(s[i], middle)
        half = down / s[i] * x + (1 - down / s[i]) * denoised + next(noise) * up
        denoised = model(half, middle)
        down, up = ancestral(s[i], s[i + 1])
        x = down / s[i] * x + (1 - down / s[i]) * denoised + next(noise) * up
    return x


def lms(model, x, s, noise, order=4):
    slopes = []
    for i in range(len(s) - 1):
        slopes = [derivative(x, s[i], model(x, s[i])), *slopes][:order]
        known = len(slopes)
        for j in range(known):
            x = x + slopes[j] * coefficient(known, s.double(), i, j)
    return x


def coefficient(order, s, i, j):
    """The integral of Lagrange's polynomial, by Gauss's rule (exact for these degrees)."""
    nodes, weights = torch.tensor([-1.0, 1.0]) / 3**0.5, torch.ones(2)
    t = (s[i + 1] - s[i]) / 2 * nodes + (s[i + 1] + s[i]) / 2
    product = torch.ones(2, dtype=torch.float64)
    for k in range(order):
        if k != j:
            product = product * (t - s[i - k]) / (s[i - j] - s[i - k])
    return float((product * weights).sum() * (s[i + 1] - s[i]) / 2)


def dpm_fast(model, x, s, noise):
    """In lambda = -log sigma, as the paper writes it."""
    n, first, last = len(s) - 1, -s[0].log(), -NoiseSchedule().sigmas.min().log()
    steps = n // 3 + 1
    orders = [3] * (steps - 2) + [2, 1] if n % 3 == 0 else [3] * (steps - 1) + [n % 3]
    times = torch.linspace(float(first), float(last), steps + 1)
    for i, order in enumerate(orders):
        down, _ = ancestral(torch.exp(-times[i]), torch.exp(-times[i + 1]))
        end = torch.minimum(last, -down.log())
        up = (torch.exp(-times[i + 1]) ** 2 - torch.exp(-end) ** 2).clamp(min=0).sqrt()
        x = DPM_STEPS[order](model, x, times[i], end)
        x = x + up * next(noise) if i < len(orders) - 1 else x
    return x


def slope(model, x, t):
    sigma = torch.exp(-t)
    return derivative(x, sigma, model(x, sigma))


def dpm_step_1(model, x, t, end):
    return x - torch.exp(-end) * torch.expm1(end - t) * slope(model, x, t)


def dpm_step_2(model, x, t, end):
    h, e = end - t, slope(model, x, t)
    s1 = t + h / 2
    u1 = x - torch.exp(-s1) * torch.expm1(h / 2) * e
    e1 = slope(model, u1, s1)
    return x - torch.exp(-end) * torch.expm1(h) * e - torch.exp(-end) * torch.expm1(h) * (e1 - e)


def dpm_step_3(model, x, t, end):
    h, e = end - t, slope(model, x, t)
    s1, s2 = t + h / 3, t + 2 * h / 3
    u1 = x - torch.exp(-s1) * torch.expm1(h / 3) * e
    e1 = slope(model, u1, s1)
    bend = torch.expm1(2 * h / 3) / (2 * h / 3) - 1
    u2 = x - torch.exp(-s2) * torch.expm1(2 * h / 3) * e - torch.exp(-s2) * 2 * bend * (e1 - e)
    e2 = slope(model, u2, s2)
    return x - torch.exp(-end) * (torch.expm1(h) * e + 1.5 * (torch.expm1(h) / h - 1) * (e2 - e))


DPM_STEPS = {1: dpm_step_1, 2: dpm_step_2, 3: dpm_step_3}
FORMULAS = {
    Sampler.DPM_FAST: dpm_fast,
    Sampler.EULER: euler,
    Sampler.EULER_A: euler_a,
    Sampler.HEUN: heun,
    Sampler.LMS: lms,
    Sampler.DPM2: dpm_2,
    Sampler.DPM2_A: dpm_2_a,
    Sampler.DPMPP_2S_A: dpmpp_2s_a,
    Sampler.DPMPP_2M: dpmpp_2m,
    Sampler.DPMPP_SDE: dpmpp_sde,
    Sampler.DPMPP_2M_SDE: dpmpp_2m_sde,
    Sampler.DPMPP_2M_SDE_HEUN: dpmpp_2m_sde_heun,
    Sampler.DPMPP_3M_SDE: dpmpp_3m_sde,
}


@pytest.fixture
def noise(monkeypatch):
    """The same noise for the scheduler and for the formula."""
    generator = torch.Generator().manual_seed(1)
    draws = [torch.randn(SHAPE, generator=generator) for _ in range(40)]
    given = iter(draws)
    for name in DRAWS_NOISE:
        monkeypatch.setattr(importlib.import_module(name), "randn_tensor", lambda *a, **k: next(given))
    monkeypatch.setattr(solvers, "randn_tensor", lambda *a, **k: next(given))
    return draws, given


def run(sampler, spacing, steps, given):
    scheduler = make_scheduler(sampler, spacing, steps, Prediction.V)
    if sampler is Sampler.DPMPP_SDE:
        scheduler.noise_sampler = lambda *_: next(given)
    x = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)) * initial_scale(sampler, scheduler)
    for t in scheduler.timesteps:
        output = network(scheduler.scale_model_input(x, t), t)
        x = scheduler.step(output, t, x).prev_sample
    return x


@pytest.mark.parametrize("steps", [1, 2, 5, 20])
@pytest.mark.parametrize("spacing", [Spacing.AUTOMATIC, Spacing.SGM_UNIFORM])
@pytest.mark.parametrize("sampler", SOLVERS, ids=lambda sampler: sampler.value)
def test_follows_its_formula(sampler, spacing, steps, noise):
    draws, given = noise
    sigmas = sigmas_of(sampler, spacing, steps)
    start = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)) * sigmas[0]
    expected = FORMULAS[sampler](Toy(), start, sigmas, iter(draws))
    assert (run(sampler, spacing, steps, given) - expected).abs().max() < 2e-4


class Decided:
    """A network that sees the same picture in any noise, as a predictor for the loop."""

    def __init__(self, prediction):
        self.generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
        self.prediction = prediction
        self.picture = torch.linspace(-1, 1, 16).view(1, 4, 2, 2)

    def __call__(self, x, t):
        sigma = NoiseSchedule().sigma_at(torch.tensor([t]))
        keeps = 1 / (sigma**2 + 1) ** 0.5
        epsilon = (x - keeps * self.picture) / (sigma * keeps)
        if self.prediction is Prediction.EPSILON:
            return epsilon
        return keeps * epsilon - sigma * keeps * self.picture


@pytest.mark.parametrize("spacing", [Spacing.AUTOMATIC, Spacing.SGM_UNIFORM])
@pytest.mark.parametrize("prediction", Prediction)
@pytest.mark.parametrize("sampler", Sampler, ids=lambda sampler: sampler.value)
def test_every_number_of_steps_ends_at_what_the_network_sees(sampler, prediction, spacing):
    """Up to the least noise, which PNDM and DPM fast leave in the picture."""
    left = 0.12 if sampler in (Sampler.PNDM, Sampler.DPM_FAST) else 2e-3
    for steps in (4, 9) if sampler is Sampler.PNDM else (1, 2, 3, 9):
        network = Decided(prediction)
        scheduler = make_scheduler(sampler, spacing, steps, prediction, (0, 1, 2))
        start = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0))
        found = denoise(network, scheduler, start * initial_scale(sampler, scheduler))
        assert (found - network.picture).abs().max() < left, steps


@pytest.mark.parametrize("sampler", Sampler, ids=lambda sampler: sampler.value)
@pytest.mark.parametrize("steps", [4, 100])
def test_makes_any_number_of_steps(sampler, steps):
    scheduler = make_scheduler(sampler, Spacing.AUTOMATIC, steps, Prediction.EPSILON)
    assert len(scheduler.timesteps) >= steps
    assert scheduler.timesteps[0] > scheduler.timesteps[-1] >= 0


@pytest.mark.parametrize(("sampler", "steps"), [(Sampler.DPM, 0), (Sampler.EULER, 101), (Sampler.PNDM, 3)])
def test_refuses_other_numbers_of_steps(sampler, steps):
    with pytest.raises(InvalidInput, match=f"not {steps}"):
        make_scheduler(sampler, Spacing.AUTOMATIC, steps, Prediction.V)


def test_twenty_steps_are_the_published_ones():
    """The table of the specification's section 9.1."""
    assert make_scheduler(Sampler.DPM, Spacing.AUTOMATIC, 20, Prediction.V).timesteps[:3].tolist() == [
        941,
        894,
        847,
    ]
    ddim = make_scheduler(Sampler.DDIM, Spacing.AUTOMATIC, 20, Prediction.V).timesteps
    assert ddim[[0, 1, -1]].tolist() == [951, 901, 1]
    assert len(make_scheduler(Sampler.PNDM, Spacing.AUTOMATIC, 20, Prediction.V).timesteps) == 29
    sgm = NoiseSchedule().spaced_sigmas(Spacing.SGM_UNIFORM, 20)
    assert sgm[[0, 1, -2, -1]].tolist() == pytest.approx([14.6146, 10.9073, 0.2255, 0], abs=1e-4)
