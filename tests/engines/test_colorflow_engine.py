"""ColorFlow behind the engine's door: modes, pools, saved models, determinism, sentences."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_colorflow
from colorizer.engines.base import ColorizeRequest, Mode, Options, Reference
from colorizer.engines.colorflow import engine as door
from colorizer.engines.colorflow.engine import ColorFlowEngine, working_size
from colorizer.engines.colorflow.input_style import InputStyle
from colorizer.engines.colorflow.page import PageSettings, colour_page
from colorizer.engines.colorflow.retrieval import Size
from colorizer.errors import Cancelled, InvalidInput, MissingModel, UnknownEngine
from listening import Listener

HEIGHT, WIDTH = 90, 130


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "sketch").mkdir()
    (folder / "grey").mkdir()
    tiny_colorflow.make_pixart().save(folder / "sketch")
    tiny_colorflow.make_sd().save(folder / "grey")
    return ColorFlowEngine(folder)


def mask(height, width):
    marked = np.zeros((height, width), np.uint8)
    marked[20:60, 30:50] = 255
    return marked


def request(mode=Mode.WHOLE, *, references=2, steps=2, seed=0, model="sketch"):
    sketch = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    sketch[20:70, 30:33, :3] = sketch[20:70, 90:93, :3] = sketch[67:70, 30:93, :3] = 0
    random = np.random.default_rng(1)
    pool = []
    for _ in range(references):
        pixels = random.integers(0, 256, (80, 60, 4), np.uint8)
        pixels[..., 3] = 255
        pool.append(Reference(pixels, mask(80, 60)))
    options = Options(steps=steps, size=64, palette_lock=False)
    return ColorizeRequest(
        sketch, tuple(pool), mode, mask(HEIGHT, WIDTH), seed=seed, model=model, options=options
    )


@pytest.mark.parametrize("mode", Mode)
def test_colours_in_every_mode(engine, mode):
    listener = Listener()
    result = engine.colorize(request(mode), listener)
    one = {Mode.WHOLE: ["Colours"], Mode.FOREGROUND: ["Colours"], Mode.BACKGROUND: ["Background"]}
    assert [layer.name for layer in result.layers] == one.get(mode, ["Background", "Colours"])
    assert all(layer.pixels.shape == (HEIGHT, WIDTH, 4) for layer in result.layers)
    assert listener.stages[-2][0] == "Colouring"
    assert listener.stages[-2][1] == listener.stages[-2][2]


def test_cancelled_within_one_step(engine):
    listener = Listener("Colouring", done=1)
    with pytest.raises(Cancelled):
        engine.colorize(request(steps=4), listener)
    assert listener.stages[-1] == ("Colouring", 1, 4)


def test_a_pool_is_fitted_and_its_palettes_found_once(engine, monkeypatch):
    made = []
    for name in ("fit", "palette_of"):
        usual = getattr(door, name)
        monkeypatch.setattr(door, name, lambda *of, name=name, usual=usual: made.append(name) or usual(*of))
    asked = request(Mode.SPLIT)
    asked = replace(asked, options=asked.options.model_copy(update={"palette_lock": True}))
    engine.colorize(asked, Listener())
    assert sorted(made) == ["fit"] * 4 + ["palette_of"] * 2
    engine.colorize(replace(asked, seed=1), Listener())
    assert len(made) == 6, "a page later the parts are the same"
    other = tuple(Reference(one.picture, 255 - one.mask) for one in asked.references)
    engine.colorize(replace(asked, references=other), Listener())
    assert len(made) == 8, "other masks swap the sides, whose palettes are new"


def test_references_are_embedded_once(engine, monkeypatch):
    engine.colorize(request(seed=5), Listener())
    seen = []
    tower = engine._slot.model.tower
    embed = tower.embed
    monkeypatch.setattr(tower, "embed", lambda patches: seen.append(len(patches)) or embed(patches))
    engine.colorize(request(seed=6), Listener())
    assert seen == [4]


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"references": 1025}, InvalidInput, "takes up to 1024 references, not 1025"),
        ({"references": 0}, InvalidInput, "no reference to take colours from"),
        ({"steps": 101}, InvalidInput, "`steps` must be 1 to 100, not 101"),
        ({"model": "other"}, UnknownEngine, "No ColorFlow model 'other' is installed"),
        ({"model": "grey"}, MissingModel, "has no screentone generator"),
    ],
)
def test_says_what_is_wrong(engine, given, error, sentence):
    with pytest.raises(error, match=sentence):
        engine.colorize(request(**given), Listener())


def test_says_how_to_get_a_model(tmp_path):
    with pytest.raises(MissingModel, match="No ColorFlow model is installed"):
        ColorFlowEngine(tmp_path).load("cpu")


@pytest.mark.parametrize(
    ("canvas", "side", "size"),
    [((1000, 1000), 0, Size(640, 640)), ((500, 900), 0, Size(512, 800)), ((900, 500), 320, Size(384, 256))],
)
def test_works_at_the_nearest_published_proportions(canvas, side, size):
    assert working_size(*canvas, side) == size


def test_parity_normalises_by_the_picture():
    model = tiny_colorflow.make_pixart()
    random = np.random.default_rng(0)
    page, reference = (random.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(2))
    settings = PageSettings(InputStyle.LINES, Size(64, 64), steps=1)
    usual = colour_page(model, page, [reference], settings)
    published = colour_page(model, page, [reference], replace(settings, parity=True))
    assert usual.shape == published.shape == (96, 96, 3)
    assert not np.array_equal(usual, published)
