"""Memory profiles of FLUX.2 klein on this processor: what is kept where changes no picture, fp8 and halves little."""

import numpy as np
import pytest
import tiny_flux2_klein
import torch
from colorizer.engines.base import ColorizeRequest, Options, Reference
from colorizer.engines.flux2_klein import drawing, model, speed
from colorizer.engines.flux2_klein.drawing import Drawing, draw
from colorizer.engines.flux2_klein.engine import Flux2KleinEngine
from colorizer.engines.runtime import memory_profiles
from colorizer.engines.runtime.memory_profiles import MemoryProfile, MemoryProfiles, Residency
from diffusers import Flux2KleinKVPipeline
from drawn import box_reference, box_sketch

FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.14 GiB.")
FP8 = torch.float8_e4m3fn


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("models")
    tiny_flux2_klein.make().save_pretrained(found / "tiny")
    return found


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "home"))


def picture(read):
    shown = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    embedding = torch.randn(1, 8, 48, generator=torch.Generator().manual_seed(0))
    one = Drawing((shown, shown), embedding, None, steps=2, guidance=1, seed=0)
    return draw(read, one, lambda *_: None, lambda _: None).astype(int)


def test_what_is_kept_on_a_device_changes_no_picture(folder):
    read = model.read(folder / "tiny")
    before = picture(read)
    for keep in (Residency.GROUPS, Residency.LAYERS, Residency.ALL):
        speed.place(read, MemoryProfile("cpu", keep=keep))
        assert np.array_equal(picture(read), before)


def test_half_precision_and_fp8_are_near_and_leave_nothing_behind(folder):
    read = model.read(folder / "tiny")
    exact = picture(read)
    speed.place(read, MemoryProfile("cpu", torch.bfloat16))
    halves = picture(read)
    speed.place(read, MemoryProfile("cpu", torch.bfloat16, stored=FP8))
    kept = {weight.dtype for weight in read.pipeline.transformer.transformer_blocks.parameters()}
    assert FP8 in kept
    assert 0 < np.abs(halves - exact).mean() < 4
    assert np.abs(picture(read) - exact).mean() < 16
    speed.place(read, MemoryProfile("cpu", torch.bfloat16))
    assert np.array_equal(picture(read), halves)


def test_goes_on_with_less_memory(folder, monkeypatch):
    real, tried = drawing.draw, []

    def once(*given):
        tried.append(1)
        if len(tried) == 1:
            raise FULL
        return real(*given)

    monkeypatch.setattr(drawing, "draw", once)
    monkeypatch.setattr(memory_profiles, "free_memory", lambda _: 2**40)
    steps = ((10.0, "everything", {}), (0.0, "6 GB", {"keep": Residency.GROUPS, "tiled": True}))
    monkeypatch.setattr(speed, "PROFILES", MemoryProfiles(steps, steps))
    asked = ColorizeRequest(
        box_sketch(), (Reference(box_reference()),), options=Options(steps=1, size=64, palette_lock=False)
    )
    stages = []
    listener = type(
        "Listener", (), {"stage": lambda _, name, *__: stages.append(name), "preview": lambda *_: None}
    )()
    result = Flux2KleinEngine(folder).colorize(asked, listener)
    assert result.report["memory"] == "6 GB"
    assert stages.count("Retrying with less memory") == 1


def test_the_kv_variant_keeps_the_references_keys(tmp_path, monkeypatch):
    """Published for 9B alone: the reference's tokens run in the first step only."""
    tiny_flux2_klein.make(kind=Flux2KleinKVPipeline).save_pretrained(tmp_path / "kv")
    read = model.read(tmp_path / "kv")
    assert read.files.kv
    assert read.files.steps == 4
    seen = []
    read.pipeline.transformer.x_embedder.register_forward_pre_hook(
        lambda _, given: seen.append(given[0].shape[1])
    )
    picture(read)
    assert seen == [3 * 16, 16]


def test_an_estimate_grows_with_the_picture(folder):
    read = model.read(folder / "tiny")
    short = speed.estimate_minutes(read, 100, 4)
    assert 0 < short < speed.estimate_minutes(read, 10_000_000, 4)
