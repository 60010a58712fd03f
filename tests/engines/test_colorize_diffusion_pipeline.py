"""The checks that every ColorizeDiffusion implementation has to pass, on tiny networks with random weights."""

from dataclasses import replace

import pytest
import tiny_colorize_diffusion as tiny
import torch
from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline, Steps
from colorizer.engines.colorize_diffusion.samplers import Sampler
from colorizer.engines.colorize_diffusion.sampling import Window
from colorizer.engines.colorize_diffusion.settings import (
    Branch,
    BranchStrength,
    DiffusionSettings,
    Edit,
    Guidance,
    Injection,
    Modes,
    Thresholds,
    Version,
    group_scales,
    uniform_scales,
)
from colorizer.errors import InvalidInput

TWO = Steps(Sampler.EULER_A, count=2)
SPLIT = Modes(background=True)
MODES = [
    (Version.V1, Modes()),
    (Version.V1, SPLIT),
    (Version.V1_5, Modes()),
    (Version.V1_5, Modes(foreground=True)),
    (Version.V1_5, SPLIT),
    (Version.V1_5, Modes(foreground=True, background=True)),
    (Version.V2, Modes()),
    (Version.V2, SPLIT),
    (Version.V2, Modes(style=True)),
    (Version.V2, Modes(background=True, style=True)),
    (Version.V2, Modes(foreground=True)),
]
every_mode = pytest.mark.parametrize(
    ("version", "modes"),
    MODES,
    ids=lambda value: (
        getattr(value, "value", None)
        or "-".join(name for name, used in vars(value).items() if used)
        or "vanilla"
    ),
)
with_lora = pytest.mark.parametrize("version", [Version.V1_5, Version.V2], ids=lambda version: version.value)


def colour(pipeline, settings, pictures=None, seeds=(1,), steps=TWO, on_step=None):
    return pipeline(pictures or tiny.pictures(), settings, steps, seeds, on_step)


def close(ours, theirs, tolerance=1e-4):
    return (ours - theirs).abs().max() < tolerance


@every_mode
def test_draws_a_picture(version, modes):
    drawn = colour(tiny.shared(version), DiffusionSettings(modes))
    assert drawn.shape == (1, 3, 64, 64)
    assert torch.isfinite(drawn).all()


@every_mode
def test_same_seed_same_picture(version, modes):
    pipeline, settings = tiny.shared(version), DiffusionSettings(modes)
    assert torch.equal(colour(pipeline, settings), colour(pipeline, settings))


@every_mode
def test_batch_equals_single_runs(version, modes):
    pipeline, settings = tiny.shared(version), DiffusionSettings(modes, guidance=Guidance(3, 2))
    both = colour(pipeline, settings, seeds=(1, 2))
    assert close(both[:1], colour(pipeline, settings, seeds=(1,)))
    assert close(both[1:], colour(pipeline, settings, seeds=(2,)))


def test_brownian_noise_belongs_to_its_sample():
    pipeline, steps = tiny.shared(Version.V1), Steps(Sampler.DPMPP_SDE, count=3)
    both = colour(pipeline, DiffusionSettings(), seeds=(1, 2), steps=steps)
    assert close(both[1:], colour(pipeline, DiffusionSettings(), seeds=(2,), steps=steps))


@pytest.mark.parametrize("version", Version, ids=lambda version: version.value)
def test_saved_model_is_the_same(version, tmp_path):
    pipeline, settings = tiny.make(version), DiffusionSettings(SPLIT)
    before = colour(pipeline, settings)
    pipeline.save_pretrained(tmp_path)
    assert torch.equal(colour(pipeline, settings), before)
    loaded = ColorizeDiffusionPipeline.from_pretrained(tmp_path)
    assert loaded.version is version
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module):
            weights, others = part.state_dict(), loaded.components[name].state_dict()
            assert weights.keys() == others.keys()
            assert all(torch.equal(value, others[key]) for key, value in weights.items())
    # Some processors add up in another order where weights lie elsewhere in memory.
    assert close(colour(loaded, settings), before)


@with_lora
def test_zero_tokens_are_no_reference(version):
    """The unconditional rows may skip attention: it gives nothing but the bias."""
    pipeline = tiny.shared(version)
    conditions = pipeline.conditions(tiny.pictures(), DiffusionSettings())
    conditions = replace(conditions, tokens=torch.zeros_like(conditions.tokens))
    assert close(*(predict(pipeline, conditions, sees_reference=sees) for sees in (True, False)))


def predict(pipeline, conditions, *, sees_reference=True):
    from colorizer.engines.colorize_diffusion.guidance import Rows

    rows = Rows(1, without_sketch=False, without_reference=False)
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    plan = rows.plan(conditions, sees_reference=sees_reference)
    with torch.no_grad():
        return pipeline.denoiser(latent, torch.tensor([500.0]), rows.features(conditions), plan)


def with_mask(value):
    shown = tiny.pictures()
    return replace(shown, sketch_mask=torch.full_like(shown.sketch_mask, value))


@with_lora
@pytest.mark.parametrize(("value", "side"), [(1.0, Branch.FOREGROUND), (0.0, Branch.BACKGROUND)])
def test_full_mask_is_one_side_alone(version, value, side):
    pipeline, modes = tiny.shared(version), Modes(foreground=True, background=True)
    conditions = pipeline.conditions(with_mask(value), DiffusionSettings(modes))
    conditions = replace(conditions, background=None)  # warping follows the mask too
    tokens = conditions.tokens.chunk(2, dim=1)[list(Branch).index(side)]
    alone = replace(conditions, tokens=tokens, split=None, whole_adapter=side)
    assert close(predict(pipeline, conditions), predict(pipeline, alone))


@with_lora
def test_full_merge_makes_the_figure_background(version):
    pipeline = tiny.shared(version)
    settings = DiffusionSettings(SPLIT, strength=BranchStrength(merge=1.0))
    figure = replace(pipeline.conditions(with_mask(1.0), settings), background=None)
    rest = replace(pipeline.conditions(with_mask(0.0), settings), background=None)
    assert close(predict(pipeline, figure), predict(pipeline, rest))


@pytest.mark.parametrize(("guidance", "rows"), [((1, 1), 1), ((4, 1), 2), ((1, 2), 2), ((4, 2), 3)], ids=str)
def test_rows_per_sample(guidance, rows):
    pipeline, seen = tiny.shared(Version.V1), []
    hook = pipeline.unet.conv_in.register_forward_hook(lambda _m, given, _o: seen.append(len(given[0])))
    colour(pipeline, DiffusionSettings(guidance=Guidance(*guidance)), seeds=(1, 2))
    hook.remove()
    assert seen == [2 * rows] * 2


@with_lora
def test_masked_run_leaves_nothing_behind(version):
    pipeline = tiny.make(version)
    fresh = colour(pipeline, DiffusionSettings())
    colour(pipeline, DiffusionSettings(SPLIT))
    assert torch.equal(colour(pipeline, DiffusionSettings()), fresh)


def test_published_v2_leaves_its_lora_on():
    pipeline = tiny.make(Version.V2)
    fresh = colour(pipeline, DiffusionSettings(parity=True))
    colour(pipeline, DiffusionSettings(SPLIT, parity=True))
    assert not close(colour(pipeline, DiffusionSettings(parity=True)), fresh)


@pytest.mark.parametrize(("height", "width"), [(64, 128), (128, 64)])
def test_portrait_and_landscape(height, width):
    drawn = colour(tiny.shared(Version.V2), DiffusionSettings(SPLIT), tiny.pictures(height, width))
    assert drawn.shape == (1, 3, height, width)


def test_other_sizes_are_refused():
    with pytest.raises(InvalidInput, match="multiple of 64 px on both sides, not 512 x 520"):
        colour(tiny.shared(Version.V1), DiffusionSettings(), tiny.pictures(520, 512))


@pytest.mark.parametrize("injection", [Injection(), Injection(1.0, 0.5, 0.3)])
def test_injection_changes_the_picture(injection):
    pipeline, steps = tiny.shared(Version.V1), Steps(Sampler.EULER_A, count=3)
    plain, injected = (
        colour(pipeline, DiffusionSettings(injection=use), steps=steps) for use in (None, injection)
    )
    assert not close(plain, injected)


def test_strengths_act_in_every_version():
    """The published program drops them in v1 and v1.5."""
    pipeline, strength = tiny.shared(Version.V1_5), BranchStrength(0.3, 0.6)
    usual = colour(pipeline, DiffusionSettings(SPLIT))
    assert not close(colour(pipeline, DiffusionSettings(SPLIT, strength=strength)), usual)
    assert torch.equal(colour(pipeline, DiffusionSettings(SPLIT, strength=strength, parity=True)), usual)


def test_two_sides_stay_apart():
    """Fig2Fig as the paper means it; the published program gives both sides all tokens."""
    pipeline, modes = tiny.shared(Version.V1_5), Modes(foreground=True, background=True)
    meant = pipeline.conditions(tiny.pictures(), DiffusionSettings(modes)).tokens
    published = pipeline.conditions(tiny.pictures(), DiffusionSettings(modes, parity=True)).tokens
    assert torch.equal(published, meant.repeat(1, 2, 1))
    assert not torch.equal(*meant.chunk(2, dim=1))


def test_background_picture_takes_the_place_of_the_references():
    pipeline = tiny.shared(Version.V1_5)
    other = replace(tiny.pictures(), background=torch.zeros(1, 3, 40, 40), reference_mask=None)
    ours, theirs = (pipeline.conditions(p, DiffusionSettings(SPLIT)).tokens for p in (tiny.pictures(), other))
    assert torch.equal(ours.chunk(2, dim=1)[0], theirs.chunk(2, dim=1)[0])
    assert not torch.equal(ours.chunk(2, dim=1)[1], theirs.chunk(2, dim=1)[1])


def test_zero_reference_strength_leaves_the_reference_out():
    pipeline = tiny.shared(Version.V1)
    conditions = pipeline.conditions(tiny.pictures(), DiffusionSettings(scales=uniform_scales(0.0)))
    assert close(predict(pipeline, conditions), predict(pipeline, conditions, sees_reference=False))


def test_groups_cover_every_cross_attention():
    assert sorted(group_scales(1, 2, 3, 4)) == sorted([1] * 5 + [2] * 5 + [3] * 5 + [4])


@pytest.mark.parametrize("version", Version, ids=lambda version: version.value)
def test_window_is_asked_at_every_step(version):
    window = Window(Guidance(start=0.3, end=0.8, pause_start=0.5, pause_end=0.6), version, parity=False)
    assert [window.is_open(t) for t in (999, 600, 450, 250, 0)] == [False, True, False, True, False]


@pytest.mark.parametrize(("version", "seen"), [(Version.V1, [False] * 2), (Version.V2, [True] * 2)])
def test_published_windows_are_broken(version, seen):
    window = Window(Guidance(start=0.3), version, parity=True)
    assert [window.is_open(t) for t in (999, 500)] == seen


def test_closed_window_works_with_two_sides():
    settings = DiffusionSettings(SPLIT, guidance=Guidance(start=0.5))
    assert torch.isfinite(colour(tiny.shared(Version.V1_5), settings)).all()


class Stopped(Exception):
    pass


def test_stops_within_one_step():
    calls = []

    def stop(done, total, ahead):
        calls.append((done, total, tuple(ahead().shape)))
        raise Stopped

    with pytest.raises(Stopped):
        colour(tiny.shared(Version.V1), DiffusionSettings(), on_step=stop)
    assert calls == [(1, 2, (1, 4, 8, 8))]


@pytest.mark.parametrize("sampler", [Sampler.DPM, Sampler.DPMPP_2M, Sampler.EULER])
def test_last_look_ahead_is_the_result(sampler):
    pipeline, seen = tiny.shared(Version.V1), []
    steps = Steps(sampler, count=3)
    drawn = colour(
        pipeline, DiffusionSettings(), steps=steps, on_step=lambda _d, _t, ahead: seen.append(ahead())
    )
    assert close(pipeline.decode(seen[-1]), drawn, 2e-3)
    assert not close(pipeline.decode(seen[0]), drawn, 2e-3)


def test_previews_are_small():
    assert tiny.shared(Version.V1).preview(torch.zeros(1, 4, 96, 48)).shape == (1, 3, 256, 128)


@pytest.mark.parametrize(
    ("version", "settings", "without", "message"),
    [
        (Version.V1, DiffusionSettings(Modes(style=True)), (), "has no style detail"),
        (
            Version.V1,
            DiffusionSettings(Modes(foreground=True)),
            (),
            "can't colour foreground and background apart",
        ),
        (Version.V1_5, DiffusionSettings(SPLIT), ("sketch_mask",), "foreground mask of the sketch"),
        (Version.V1_5, DiffusionSettings(SPLIT), ("reference_mask",), "foreground mask of the reference"),
        (Version.V2, DiffusionSettings(Modes(style=True)), ("reference",), "needs a reference picture"),
        (Version.V1, DiffusionSettings(injection=Injection()), ("reference",), "injection needs a reference"),
        (Version.V1, DiffusionSettings(edits=(Edit("red hair", "hair"),)), (), "need CLIP's text model"),
    ],
)
def test_says_what_is_missing(version, settings, without, message):
    pictures = replace(tiny.pictures(), **dict.fromkeys(without))
    with pytest.raises(InvalidInput, match=message):
        colour(tiny.shared(version), settings, pictures)


def test_works_without_a_reference():
    assert torch.isfinite(
        colour(tiny.shared(Version.V1), DiffusionSettings(), replace(tiny.pictures(), reference=None))
    ).all()


def test_half_precision_can_be_loaded_and_saved(tmp_path):
    settings = DiffusionSettings(SPLIT)
    tiny.shared(Version.V2).save_pretrained(tmp_path / "full")
    half = ColorizeDiffusionPipeline.from_pretrained(tmp_path / "full", dtype=torch.bfloat16)
    before = colour(half, settings)
    half.save_pretrained(tmp_path / "half")
    assert torch.equal(colour(half, settings), before)
    again = ColorizeDiffusionPipeline.from_pretrained(tmp_path / "half", dtype=torch.bfloat16)
    assert torch.equal(colour(again, settings), before)


def test_half_precision_is_near_full():
    pipeline = tiny.make(Version.V2)
    settings = DiffusionSettings(SPLIT, Thresholds(0.5, 0.5))
    full = colour(pipeline, settings)
    half = colour(pipeline.to(torch.bfloat16), settings)
    assert (full - half).abs().mean() < 0.2 * full.abs().mean()
