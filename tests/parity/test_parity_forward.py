"""One forward pass in every mode: conditions, attention layer by layer, and the three predictions."""

from dataclasses import replace
from functools import cache

import published
import pytest
import torch
from colorizer.engines.colorize_diffusion.attention import SplitCrossAttention, project
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component
from colorizer.engines.colorize_diffusion.conditioning import Conditioner, latent_mask
from colorizer.engines.colorize_diffusion.guidance import Rows
from colorizer.engines.colorize_diffusion.positions import transformers_in_order
from colorizer.engines.colorize_diffusion.settings import (
    Branch,
    BranchStrength,
    DiffusionSettings,
    Modes,
    Thresholds,
)
from published import Arrays

SYSTEMS = ("cd_v1", "cd_v15", "cd_v2")
NAMES = {"fg": Branch.FOREGROUND, "bg": Branch.BACKGROUND}


def cases_of(folder):
    return list(published.config_of(folder)["forward_cases"])


def settings_of(case):
    """A recorded case; v2 takes strengths and merge from its state, v1 and v1.5 from the arguments."""
    args = case["args"]
    before = case["fgbg_scale_merge_threshold_set_before"] or [1.0, 1.0, 0.0, 0.05]
    merge = args.get("merge_scale", before[2])
    return DiffusionSettings(
        modes=Modes(
            args.get("fg_enhance", False), args.get("bg_enhance", False), args.get("style_enhance", False)
        ),
        thresholds=Thresholds(
            args.get("mask_threshold_sketch", before[3]), args.get("mask_threshold_ref", 0.5)
        ),
        strength=BranchStrength(args.get("fg_scale", before[0]), args.get("bg_scale", before[1]), merge),
        scales=published.scales_of(case["strength"]),
        sketch_strength=args.get("control_scale", 1.0),
        background_factor=args.get("mask_scale", 1.0),
        parity=True,
    )


@pytest.fixture
def recorded(folder, case):
    return Arrays(folder / "cases_forward.npz").of(case)


@pytest.fixture
def conditions(folder, case):
    """Our conditions of the case, in the published program's way."""
    return prepared(folder, case)


@cache
@torch.no_grad()
def prepared(folder, case):
    model, config = published.model_of(folder), published.config_of(folder)["forward_cases"][case]
    recorded = Arrays(folder / "cases_forward.npz").of(case)
    conditioner = Conditioner(model.version, published.recorded_networks(model, recorded))
    made = conditioner.prepare(
        published.pictures_of(inputs_of(folder, case), config["cond"]), settings_of(config)
    )
    if "clstoken" in case:  # a model conditioned on the class token alone
        made = replace(made, tokens=recorded["clip_call0_full"][:, :1])
    return made


def inputs_of(folder, case):
    """The pictures that a case was made with."""
    return Arrays(folder / "cases_forward.npz").of("inputs.b" if case.startswith("fwd.b_") else "inputs.a")


@pytest.fixture
def batch(folder, case):
    return published.config_of(folder)["forward_cases"][case]["bs"]


def test_conditions(folder, case, recorded, conditions, batch, agree):
    agree(conditions.tokens.expand(batch, -1, -1), recorded["c.context"], name="context")
    for start, ours in (
        ("c.control.", conditions.residuals.sketch),
        ("uc1.control.", conditions.residuals.none),
    ):
        for i, name in enumerate(recorded.numbered(start)):
            agree(ours[i].expand(batch, -1, -1, -1), recorded[name], name=name)
    for i, name in enumerate(recorded.numbered("c.style_modulations.")):
        agree(conditions.style[i].expand(batch, -1), recorded[name], name=name)
    for i, name in enumerate(recorded.numbered("c.hs_bg.")):
        agree(conditions.background[i].expand(batch, -1, -1), recorded[name], published.RAW_FEATURES, name)
    if "c.threshold" in recorded:
        agree(conditions.split.threshold, recorded["c.threshold"], 1e-7, "threshold")


@published.needs("c.mask")
def test_mask(folder, case, recorded, agree):
    inputs = inputs_of(folder, case)
    reduced = latent_mask(inputs["smask_full"])
    agree(reduced, inputs["smask"], 1e-6, "reduced")
    agree(reduced.expand_as(recorded["c.mask"]), recorded["c.mask"], 1e-6, "mask")


@torch.no_grad()
def test_predictions(folder, case, recorded, conditions, batch, agree):
    """With everything, without the reference, and without the sketch."""
    denoiser = published.model_of(folder).denoiser
    rows = Rows(batch, without_sketch=False, without_reference=False)
    blank = replace(conditions, residuals=replace(conditions.residuals, sketch=conditions.residuals.none))
    for name, given, sees in (
        ("out_c", conditions, True),
        ("out_uc0", conditions, False),
        ("out_uc1", blank, True),
    ):
        plan = rows.plan(given, sees_reference=sees)
        ours = denoiser(recorded["x"], recorded["t"].float(), rows.features(given), plan)
        agree(ours, recorded[name], name=name)


@published.needs("attn")
@torch.no_grad()
def test_attention(folder, case, recorded, conditions, batch, agree):
    numbers = sorted({int(name.split(".")[0][4:]) for name in recorded.numbered("attn", ".x")})
    denoiser = published.model_of(folder).denoiser
    layers = transformers_in_order(denoiser.unet)
    denoiser.shared.plan = Rows(batch, False, False).plan(conditions, sees_reference=True)
    for number in numbers:
        layer = layers[number].transformer_blocks[0].attn2
        inside = Arrays(recorded.file, f"{recorded.prefix}attn{number}.")
        agree(
            layer(inside["x"], encoder_hidden_states=inside["context"]), inside["out"], name=f"layer {number}"
        )
        agree(denoiser.shared.plan.scales[number], inside["scale"], 1e-6, "scale")
        if "mask" in inside:
            mask = latent_mask(inputs_of(folder, case)["smask_full"])
            agree(mask.expand_as(inside["mask"]), inside["mask"], 1e-6, "mask")
            share = (inside["x"].shape[1] / mask.numel()) ** 0.5
            agree(share, inside["scale_factor"], 1e-6, "level")
        check_inside(layer, denoiser.shared.plan, inside, agree)


def check_inside(layer, plan, inside, agree):
    """Projections and attention of each side, where the layer is recorded fully."""
    processor: SplitCrossAttention = layer.processor
    context = inside["context"]
    parts = {"fg": context.chunk(2, dim=1)[0], "bg": context.chunk(2, dim=1)[-1], "all": context}
    for name, tokens in parts.items():
        if f"{name}.q" not in inside:
            continue
        side = NAMES.get(name)
        adapter = side if side in plan.adapters else None
        agree(project(layer.to_q, inside["x"], adapter), inside[f"{name}.q"], name=f"{name}.q")
        agree(project(layer.to_k, tokens, adapter), inside[f"{name}.k"], name=f"{name}.k")
        agree(project(layer.to_v, tokens, adapter), inside[f"{name}.v"], name=f"{name}.v")
        ours = processor.branch(plan, layer, inside["x"], tokens, adapter)
        agree(ours, inside[f"{name}.attn_out"], name=f"{name}.attn_out")
    if "pre_to_out" in inside:
        mix = processor.whole if plan.split is None else processor.split
        agree(mix(plan, layer, inside["x"], context), inside["pre_to_out"], name="pre_to_out")


def test_every_lora_is_used(folder):
    """The number of tensors that the fixture says it has beside the shared ones."""
    model = published.model_of(folder)
    count = sum(len(network.state_dict()) for network in model.networks.values())
    buffers = 12
    assert count + buffers == published.config_of(folder)["n_keys_total"]
    assert Component.UNET in model.networks
