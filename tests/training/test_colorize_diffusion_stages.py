"""ColorizeDiffusion's stages: each trains its own parts alone, and its product loads in the engine."""

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from colorizer.engines.base import ColorizeRequest, Options, Reference
from colorizer.engines.colorize_diffusion.engine import ColorizeDiffusionEngine
from colorizer.engines.colorize_diffusion.settings import Version
from colorizer.errors import InvalidInput
from colorizer.imaging.pictures import write_png
from colorizer_lab.training import Overrides
from colorizer_lab.training.colorize_diffusion import ablation, ablation_page, leakage, networks
from colorizer_lab.training.colorize_diffusion.batches import Batches
from colorizer_lab.training.colorize_diffusion.config import Stage, read
from colorizer_lab.training.colorize_diffusion.data import OwnDrawings, source
from colorizer_lab.training.colorize_diffusion.trainer import settings, train
from listening import Silent
from safetensors.torch import load_file

from tests.training.tiny_stages import BEFORE, TINY

NEW = {
    Stage.V1: {"unet", "sketch_encoder"},
    Stage.V1_5_BACKGROUND: {"recovery", "threshold_embedder", "lora/background"},
    Stage.V1_5_FOREGROUND: {"lora/foreground"},
    Stage.V2_BACKGROUND: {
        "background_encoder", "warp", "style", "style_encoder", "lora/background", "lora/foreground",
    },
    Stage.V2_STYLE: {"style", "style_encoder"},
    Stage.DISTIL: {"unet"},
}  # fmt: skip


RECIPES = Path(__file__).parents[2] / "docs" / "recipes"


def tensors(folder):
    """Every weight of a model folder by part and name."""
    found = {}
    for file in sorted(folder.rglob("*.safetensors")):
        part = file.parent.name if file.parent.name != "lora" else f"lora/{file.stem}"
        found |= {(part, name): value for name, value in load_file(file).items()}
    return found


@pytest.mark.parametrize("stage", NEW)
def test_stage_changes_only_its_own_parts(chain, stage):
    before, after = tensors(chain.model(BEFORE[stage])), tensors(chain.model(stage))
    changed = {
        key[0] for key, value in after.items() if key not in before or not torch.equal(before[key], value)
    }
    assert changed == NEW[stage]
    assert set(before) <= set(after)
    # where two tiny pictures have no place of a side on some level, that level's LoRA learns nothing
    learned = [bool(value.any()) for key, value in after.items() if key not in before and "lora_B" in key[1]]
    assert sum(learned) * 2 >= len(learned)


@pytest.mark.parametrize("stage", NEW)
def test_every_stage_resumes_to_the_bit(chain, stage, tmp_path):
    train(tmp_path, recipe=chain.config(stage), progress=lambda _: signal.raise_signal(signal.SIGTERM))
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 1
    train(tmp_path, resume=True)
    whole, resumed = tensors(chain.model(stage)), tensors(tmp_path / "model")
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())


@pytest.mark.parametrize("stage", [Stage.V1_5_BACKGROUND, Stage.V2_BACKGROUND])
def test_new_parts_start_without_changing_v1(chain, stage):
    batch = torch.Generator().manual_seed(0)
    model = networks.pipeline(chain.config(stage))
    lora = [value for name, value in model.unet.named_parameters() if ".lora_B." in name]
    assert lora
    assert not any(value.any() for value in lora)
    if model.warp is not None:
        skip = torch.randn(1, 64, 2, 2, generator=batch)
        assert torch.equal(model.warp(0, skip, torch.randn(1, 4, 64, generator=batch)).round(decimals=4),
                           (skip + 0).round(decimals=4))  # fmt: skip


@pytest.mark.parametrize("stage", [Stage.V1, Stage.V1_5_FOREGROUND, Stage.V2_STYLE, Stage.DISTIL])
def test_product_colours_in_the_engine(chain, stage, tmp_path):
    (tmp_path / "mine").symlink_to(chain.model(stage))
    engine = ColorizeDiffusionEngine(tmp_path)
    engine.load("cpu", "mine")
    sketch = np.full((64, 64, 4), 255, np.uint8)
    sketch[20:44, 20] = sketch[20:44, 44] = sketch[20, 20:44] = sketch[44, 20:44] = (0, 0, 0, 255)
    request = ColorizeRequest(
        sketch=sketch, references=(Reference(sketch),), options=Options(steps=2), model="mine"
    )
    result = engine.colorize(request, Silent())
    assert result.layers
    assert result.report["size"] == [64, 64]
    assert engine.info.models[0].steps == (4 if stage is Stage.DISTIL else 20)


def test_autoencoders_latents_spread_by_one(chain):
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(chain.model(Stage.AUTOENCODER) / "vae")
    assert vae.config.scaling_factor != 0.18215


def loss_on_one_batch(config, weights):
    work = networks.work(config)
    work.loss.load_state_dict(weights, strict=False)
    with torch.no_grad():
        return float(work.loss(Batches(source(config), config, work.latent_channels).of(1)))


def test_training_lowers_the_loss(tmp_path):
    sizes = replace(TINY.sizes, autoencoder=(), latent_channels=12)
    config = replace(TINY, stage=Stage.V1, sizes=sizes, steps=24, batch=4, learning_rate=5e-3, drop=0.0)
    train(tmp_path, recipe=config)
    learned = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"]
    assert loss_on_one_batch(config, learned) < 0.9 * loss_on_one_batch(config, {})


@pytest.mark.parametrize(
    ("stage", "start", "sentence"),
    [
        (Stage.V1_5_FOREGROUND, Stage.V1, "starts from a v1.5 model"),
        (Stage.V2_STYLE, Stage.AUTOENCODER, "contains no ColorizeDiffusion model for stage v2-style"),
        (Stage.V1, None, "Give its folder with --from"),
        (Stage.FINE_TUNE, Stage.V1, "Give their folder with --data"),
    ],
)
def test_wrong_start_is_refused(chain, tmp_path, stage, start, sentence):
    folder = chain.model(start) if start else None
    config = replace(chain.config(Stage.V1), stage=stage, start=folder)
    with pytest.raises(InvalidInput, match=sentence):
        train(tmp_path / "run", recipe=config)


def test_versions_follow_the_stages(chain):
    versions = [
        networks.pipeline(replace(chain.config(Stage.FINE_TUNE), start=chain.model(stage))).version
        for stage in (Stage.V1, Stage.V1_5_FOREGROUND, Stage.V2_STYLE)
    ]
    assert versions == [Version.V1, Version.V1_5, Version.V2]


@pytest.mark.parametrize(
    ("stage", "guidance", "helps"), [("v1", 2.0, True), ("v1", 1.0, False), ("distil", 2.0, False)]
)
def test_model_knows_whether_guidance_helps(chain, stage, guidance, helps):
    config = replace(
        chain.config(Stage.V1), stage=Stage(stage), start=chain.model(Stage.V1), guidance=guidance
    )
    assert networks.pipeline(config).guided is helps


def test_fine_tuned_model_is_listed_with_its_card(chain, tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "home"))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    write_png(pictures / "a.png", OwnDrawings(0, 1, 96).item(0).truth)
    start = chain.model(Stage.DISTIL)
    config = replace(TINY, stage=Stage.FINE_TUNE, start=start, data=pictures, batch=2)
    train(tmp_path / "hana", recipe=config)
    listed = ColorizeDiffusionEngine().info.models[0]
    assert (listed.name, listed.title, listed.steps) == ("hana", "hana (own, from model)", 4)
    before, after = tensors(start), tensors(tmp_path / "home" / "models" / "hana")
    assert set(before) == set(after)
    assert {key[0] for key in after if not torch.equal(before[key], after[key])} == {"unet"}


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.toml")), ids=lambda file: file.stem)
def test_recipes_follow_on_one_another(recipe):
    config = read(recipe)
    config.check()
    assert f"--config docs/recipes/{recipe.name} --out runs/" in recipe.read_text()
    starts = [file.read_text().split("--out ")[1].split()[0] for file in RECIPES.glob("*.toml")]
    assert config.start is None or config.start.parent.as_posix() in starts


def test_crop_follows_the_model_that_is_gone_on_from(chain):
    overrides = Overrides(stage="fine-tune", start=str(chain.model(Stage.V1)))
    assert settings(overrides).crops == ((64, 64),)


def test_fine_tuned_model_takes_nobodys_name(chain, tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path))
    (tmp_path / "models" / "hana").mkdir(parents=True)
    config = replace(TINY, stage=Stage.FINE_TUNE, start=chain.model(Stage.V1), data=tmp_path)
    with pytest.raises(InvalidInput, match="Another model is named hana"):
        train(tmp_path / "hana", recipe=config)


def test_ablation_fills_its_page(chain, tmp_path):
    for variant in (*ablation.VARIANTS, ablation.DISTILLED):
        chain.run(variant.stage)
    page = tmp_path / "ablation.md"
    page.write_text(f"# Before\n{ablation_page.START}stale{ablation_page.END}\nAfter\n")
    plan = ablation.AblationPlan(drawings=2, seeds=1, steps=1)
    study = ablation.run(chain.folder, plan, sheet=tmp_path / "sheet.png")
    ablation_page.write(study, page)
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("After\n")
    assert "stale" not in text
    assert [f"\n| {row.variant} | " in text for row in study.rows] == [True] * 9
    assert [(one.name, other.name) for one, other in ablation.COMPARED] == [
        (one.variant, one.other) for one in study.comparisons
    ]
    assert all(0 <= row.area_within_10.low <= row.area_within_10.high <= 1 for row in study.rows)
    assert (tmp_path / "sheet.png").is_file()


def test_ablation_tells_what_was_trained(chain):
    chain.run(Stage.V1)
    run = ablation.trained(chain.folder, Stage.V1)
    assert (run.steps, run.pictures) == (2, 4)
    assert run.held_out.change.mean == pytest.approx(run.held_out.after - run.held_out.before)


def test_differences_are_paired():
    first = np.array([[0.1, 0.5, 0.9]] * 3)
    (found,) = ablation.comparisons({ablation.V1.name: first, ablation.V1_SPLIT.name: first + 0.05})
    assert (found.variant, found.other) == ("split, no LoRA", "no split")
    assert found.area_within_10.signed() == "**+0.050 (+0.050 to +0.050)**"
    assert ablation.Figure(0.01, -0.02, 0.03).signed() == "+0.010 (-0.020 to +0.030)"


def test_region_colours_come_in_without_changing_the_model(chain):
    config = chain.config(Stage.V2_BACKGROUND)
    plain, taking = (networks.pipeline(replace(config, region_colours=taken)) for taken in (False, True))
    assert taking.takes_region_colours
    latent = torch.ones(1, plain.unet.config.out_channels, 8, 8)
    both = torch.cat([latent, latent], dim=1)
    assert torch.equal(plain.unet.conv_in(latent), taking.unet.conv_in(both))
    assert taking.background_encoder.conv_in.in_channels == latent.shape[1]


def test_training_with_region_colours_goes_on_to_v2(chain, tmp_path):
    taking = replace(chain.config(Stage.V1), region_colours=True, drawings=2)
    train(tmp_path / "v1", recipe=taking)
    start = tmp_path / "v1" / "model"
    with pytest.raises(InvalidInput, match="was trained with region colours. Set `region_colours = true`"):
        train(
            tmp_path / "v2",
            recipe=replace(taking, stage=Stage.V2_BACKGROUND, start=start, region_colours=False),
        )
    train(tmp_path / "v2", recipe=replace(taking, stage=Stage.V2_BACKGROUND, start=start))
    before, after = tensors(start), tensors(tmp_path / "v2" / "model")
    assert torch.equal(before["unet", "conv_in.weight"], after["unet", "conv_in.weight"])
    old = tensors(chain.model(Stage.V1_NOISY))["unet", "conv_in.weight"]
    assert before["unet", "conv_in.weight"].shape[1] == 2 * old.shape[1]


def test_foreign_colours_are_counted():
    red, blue = np.array([[[200, 0, 0]], [[0, 0, 200]]], np.uint8)
    pixels = np.array([[190, 10, 0], [10, 0, 180], [0, 0, 210], [0, 10, 200]], np.uint8)
    assert leakage.share_from_other_side(pixels, red, blue) == 0.75
    assert leakage.share_from_other_side(pixels, blue, red) == 0.25
