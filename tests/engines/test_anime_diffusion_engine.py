"""AnimeDiffusion behind the engine's door: modes, sizes, determinism, sentences."""

import numpy as np
import pytest
import torch
from colorizer.engines.anime_diffusion.diffusion import ddim_scheduler
from colorizer.engines.anime_diffusion.engine import AnimeDiffusionEngine
from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline
from colorizer.engines.anime_diffusion.unet import AnimeDiffusionUNet
from colorizer.engines.base import ColorizeRequest, Mode, Options, Reference
from colorizer.errors import Cancelled, InvalidInput, MissingModel, UnknownEngine
from listening import Listener

HEIGHT, WIDTH = 90, 130


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = AnimeDiffusionUNet(channel_base=32, channel_mult=(1, 1), n_res_blocks=1)
    folder = tmp_path_factory.mktemp("models")
    AnimeDiffusionPipeline(unet, ddim_scheduler()).save_pretrained(folder / "tiny")
    return AnimeDiffusionEngine(folder)


def mask(height, width):
    marked = np.zeros((height, width), np.uint8)
    marked[20:60, 30:50] = 255
    return marked


def request(mode=Mode.WHOLE, *, references=1, steps=2, seed=0, model=""):
    sketch = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    sketch[20:70, 30:33, :3] = sketch[20:70, 90:93, :3] = sketch[67:70, 30:93, :3] = 0
    pixels = np.random.default_rng(1).integers(0, 256, (80, 60, 4), np.uint8)
    pixels[..., 3] = 255
    pool = (Reference(pixels, mask(80, 60)),) * references
    options = Options(steps=steps, size=32, palette_lock=False)
    return ColorizeRequest(sketch, pool, mode, mask(HEIGHT, WIDTH), seed=seed, model=model, options=options)


@pytest.mark.parametrize("mode", Mode)
def test_colours_in_every_mode(engine, mode):
    listener = Listener()
    result = engine.colorize(request(mode), listener)
    one = {Mode.WHOLE: ["Colours"], Mode.FOREGROUND: ["Colours"], Mode.BACKGROUND: ["Background"]}
    assert [layer.name for layer in result.layers] == one.get(mode, ["Background", "Colours"])
    assert all(layer.pixels.shape == (HEIGHT, WIDTH, 4) for layer in result.layers)
    assert listener.stages[-2][0] == "Colouring"
    assert listener.stages[-2][1] == listener.stages[-2][2]
    assert listener.previews[0].shape == (HEIGHT, WIDTH, 4)


def test_split_sides_show_where_the_mask_says(engine):
    background, figure = engine.colorize(request(Mode.SPLIT), Listener()).layers
    assert np.array_equal(figure.mask, mask(HEIGHT, WIDTH))
    assert np.array_equal(background.mask, 255 - mask(HEIGHT, WIDTH))
    assert not np.array_equal(background.pixels, figure.pixels)


def test_cancelled_within_one_step(engine):
    listener = Listener("Colouring", done=1)
    with pytest.raises(Cancelled):
        engine.colorize(request(steps=4), listener)
    assert listener.stages[-1] == ("Colouring", 1, 4)


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"references": 2}, InvalidInput, "takes one reference, not 2"),
        ({"references": 0}, InvalidInput, "no reference to take colours from"),
        ({"steps": 501}, InvalidInput, "`steps` must be 1 to 500, not 501"),
        ({"model": "other"}, UnknownEngine, "No AnimeDiffusion model 'other' is installed"),
    ],
)
def test_says_what_is_wrong(engine, given, error, sentence):
    with pytest.raises(error, match=sentence):
        engine.colorize(request(**given), Listener())


def test_says_how_to_get_a_model(tmp_path):
    with pytest.raises(MissingModel, match="colorize train anime-diffusion"):
        AnimeDiffusionEngine(tmp_path).load("cpu")


@pytest.mark.parametrize(("steps", "first"), [(1, 999), (3, 999), (4, 751), (10, 901)])
def test_begins_where_the_noise_is(engine, monkeypatch, steps, first):
    """Few steps begin at the top, others as published."""
    forward, told = AnimeDiffusionUNet.forward, []
    monkeypatch.setattr(
        AnimeDiffusionUNet, "forward", lambda *given: told.append(int(given[2][0])) or forward(*given)
    )
    engine.colorize(request(steps=steps), Listener())
    assert (told[0], len(told)) == (first, steps)
    assert told == sorted(told, reverse=True)
