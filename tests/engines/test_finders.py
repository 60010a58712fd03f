"""Published line and figure finders: every tensor at full size accounted for, and what the engine makes of them."""

import numpy as np
import pytest
import tiny_colorize_diffusion as tiny
import torch
from colorizer.catalogue.convert import Choices, convert
from colorizer.engines.base import ColorizeRequest, Mode, Options, Reference
from colorizer.engines.colorize_diffusion import finders
from colorizer.engines.colorize_diffusion.anime2sketch import Anime2Sketch
from colorizer.engines.colorize_diffusion.engine import ColorizeDiffusionEngine
from colorizer.engines.colorize_diffusion.finders import DRAWINGS, Finder, Finders
from colorizer.engines.colorize_diffusion.isnet import ISNet
from colorizer.engines.colorize_diffusion.settings import Version
from colorizer.errors import MissingModel, UnusableModel


class Silent:
    def stage(self, name, done=0, total=1):
        pass

    def preview(self, picture):
        pass


def painted(height=60, width=90):
    picture = np.full((height, width, 4), 255, np.uint8)
    picture[..., :3] = (120, 160, 200)
    picture[17:43, 27:63, :3] = 0
    picture[20:40, 30:60, :3] = (220, 140, 90)
    return picture


def published(finder, prefix="", **more):
    """The tensors of a published file, full size, made up: zeros of no memory."""
    shapes = finders.build(finder).state_dict()
    state = {prefix + key: torch.zeros(()).expand(value.shape) for key, value in shapes.items()}
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")} | more


SIZES = {
    Finder.MANGA_LINES: (707, 172_789_563),
    Finder.ANIME2SKETCH: (32, 217_631_959),
    Finder.ISNET: (798, 176e6),
}


@pytest.mark.parametrize("finder", Finder)
def test_networks_have_the_published_size(finder):
    """As many tensors and bytes as in the published files; ISNet's bytes are its ONNX file's."""
    state = finders.build(finder).state_dict()
    count, size = SIZES[finder]
    found = sum(value.numel() * value.element_size() for value in state.values())
    assert len(state) == count
    assert found == pytest.approx(size, rel=3e-3)


@pytest.mark.parametrize("finder", Finder)
def test_every_tensor_is_accounted_for(finder):
    state = published(finder)
    assert finders.recognise(state) is finder
    assert finders._filled(finder, state, "a file").training is False
    for wrong in (dict(list(state.items())[1:]), state | {"novelty": torch.zeros(1)}):
        with pytest.raises(UnusableModel, match="missing, superfluous or of another size"):
            finders._filled(finder, wrong, "a file")


@pytest.mark.parametrize("prefix", ["", "net.", "module."])
def test_what_training_added_is_left_out(prefix):
    keys = published(Finder.ISNET, prefix, **{"gt_encoder.conv_in.weight": torch.zeros(1)})
    assert set(finders.published_names(keys).values()) == set(published(Finder.ISNET))


def test_other_networks_are_not_taken_for_one():
    assert finders.recognise(["stage1.rebnconvin.conv_s1.weight", "side1.weight"]) is None  # U²-Net
    assert finders.recognise(["model.diffusion_model.out.0.bias"]) is None


@pytest.fixture
def small(monkeypatch):
    """Networks of the same names, but quick."""
    build = finders.build

    def make(finder):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            kinds = {
                Finder.ISNET: lambda: ISNet(small=16),
                Finder.ANIME2SKETCH: lambda: Anime2Sketch((2,) * 8),
            }
            return kinds[finder]() if finder in kinds else build(finder)

    monkeypatch.setattr(finders, "build", make)
    monkeypatch.setattr(finders, "FIGURE_SIDE", 64)
    return make


@pytest.fixture
def install(small, tmp_path):
    def put(name, finder, variant=""):
        file = tmp_path / f"{name}.ckpt"
        torch.save(
            {"state_dict": {f"net.{key}": value for key, value in small(finder).state_dict().items()}}, file
        )
        made = convert(file, tmp_path / "models" / name, Choices(variant=variant), lambda *_: None)
        (tmp_path / "models" / name / "card.json").write_text(f'{{"engine": "{made.engine}"}}')
        return tmp_path / "models"

    (tmp_path / "models").mkdir()
    return put


def test_installed_finders_find(install):
    folder = install("sketch", Finder.ANIME2SKETCH)
    finders_here = Finders(folder)
    lines = finders_here.lines()(painted()[..., :3])
    assert finders_here.asked == {"sketch"}
    assert lines.shape == (60, 90, 3)
    assert lines.dtype == np.uint8
    assert Finders(folder).figures(in_drawings=False) is None


def test_weights_for_drawings_and_for_pictures_are_kept_apart(install):
    folder = install("a-drawings", Finder.ISNET, DRAWINGS)
    assert Finders(folder).figures(in_drawings=False) is None
    install("b-pictures", Finder.ISNET)
    for in_drawings, name in ((True, "a-drawings"), (False, "b-pictures")):
        finders_here = Finders(folder)
        mask = finders_here.figures(in_drawings=in_drawings)(painted()[..., :3])
        assert finders_here.asked == {name}
        assert (mask.shape, mask.dtype) == ((60, 90), np.uint8)


def test_damaged_finder_is_told(install):
    folder = install("figures", Finder.ISNET)
    (folder / "figures" / finders.WEIGHTS).write_bytes(b"x")
    with pytest.raises(MissingModel, match="figures can't be read"):
        Finders(folder).figures(in_drawings=False)(painted()[..., :3])


def test_engine_asks_what_is_installed_and_says_whom(install, monkeypatch):
    folder = install("lines", Finder.ANIME2SKETCH)
    install("figures", Finder.ISNET)
    tiny.make(Version.V2).save_pretrained(folder / "tiny")
    engine, asked = ColorizeDiffusionEngine(folder), []
    monkeypatch.setattr(
        engine,
        "foreground_mask",
        lambda picture, _: asked.append(1) or np.full(picture.shape[:2], 255, np.uint8),
    )
    options = Options(steps=1, size=64, palette_lock=False)
    request = ColorizeRequest(painted(), (Reference(painted()),), Mode.SPLIT, options=options)
    result = engine.colorize(request, Silent())
    assert result.report["finders"] == ["figures", "lines"]
    assert asked == [1], "the sketch alone goes to the built-in finder: the installed one is for pictures"
