"""Published line and foreground detectors: every tensor at full size accounted for, and what the engine makes of it."""

import numpy as np
import pytest
import tiny_colorize_diffusion as tiny
import torch
from colorizer.catalogue.convert import Choices, convert
from colorizer.engines.base import ColorizeRequest, Mode, Options, Reference
from colorizer.engines.colorize_diffusion.engine import ColorizeDiffusionEngine
from colorizer.engines.colorize_diffusion.settings import Version
from colorizer.engines.detectors import published
from colorizer.engines.detectors.anime2sketch import Anime2Sketch
from colorizer.engines.detectors.isnet import ISNet
from colorizer.engines.detectors.published import DRAWINGS, Detector, Detectors
from colorizer.errors import MissingModel, UnusableModel
from listening import Silent


def painted(height=60, width=90):
    picture = np.full((height, width, 4), 255, np.uint8)
    picture[..., :3] = (120, 160, 200)
    picture[17:43, 27:63, :3] = 0
    picture[20:40, 30:60, :3] = (220, 140, 90)
    return picture


def published_tensors(detector, prefix="", **more):
    """The tensors of a published file, full size, made up: zeros of no memory."""
    shapes = published.build(detector).state_dict()
    state = {prefix + key: torch.zeros(()).expand(value.shape) for key, value in shapes.items()}
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")} | more


SIZES = {
    Detector.MANGA_LINES: (707, 172_789_563),
    Detector.ANIME2SKETCH: (32, 217_631_959),
    Detector.ISNET: (798, 176e6),
}


@pytest.mark.parametrize("detector", Detector)
def test_networks_have_the_published_size(detector):
    """As many tensors and bytes as in the published files; ISNet's bytes are its ONNX file's."""
    state = published.build(detector).state_dict()
    count, size = SIZES[detector]
    found = sum(value.numel() * value.element_size() for value in state.values())
    assert len(state) == count
    assert found == pytest.approx(size, rel=3e-3)


@pytest.mark.parametrize("detector", Detector)
def test_every_tensor_is_accounted_for(detector):
    state = published_tensors(detector)
    assert published.recognise(state) is detector
    assert published._filled(detector, state, "a file").training is False
    for wrong in (dict(list(state.items())[1:]), state | {"novelty": torch.zeros(1)}):
        with pytest.raises(UnusableModel, match="missing, superfluous or of another size"):
            published._filled(detector, wrong, "a file")


@pytest.mark.parametrize("prefix", ["", "net.", "module."])
def test_what_training_added_is_left_out(prefix):
    keys = published_tensors(Detector.ISNET, prefix, **{"gt_encoder.conv_in.weight": torch.zeros(1)})
    assert set(published.published_names(keys).values()) == set(published_tensors(Detector.ISNET))


def test_other_networks_are_not_taken_for_one():
    assert published.recognise(["stage1.rebnconvin.conv_s1.weight", "side1.weight"]) is None  # U²-Net
    assert published.recognise(["model.diffusion_model.out.0.bias"]) is None


@pytest.fixture
def small(monkeypatch):
    """Networks of the same names, but quick."""
    build = published.build

    def make(detector):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            kinds = {
                Detector.ISNET: lambda: ISNet(small=16),
                Detector.ANIME2SKETCH: lambda: Anime2Sketch((2,) * 8),
            }
            return kinds[detector]() if detector in kinds else build(detector)

    monkeypatch.setattr(published, "build", make)
    monkeypatch.setattr(published, "FOREGROUND_SIDE", 64)
    return make


@pytest.fixture
def install(small, tmp_path):
    def put(name, detector, variant=""):
        file = tmp_path / f"{name}.ckpt"
        torch.save(
            {"state_dict": {f"net.{key}": value for key, value in small(detector).state_dict().items()}}, file
        )
        made = convert(file, tmp_path / "models" / name, Choices(variant=variant), lambda *_: None)
        (tmp_path / "models" / name / "card.json").write_text(f'{{"engine": "{made.engine}"}}')
        return tmp_path / "models"

    (tmp_path / "models").mkdir()
    return put


def test_installed_detectors_detect(install):
    folder = install("sketch", Detector.ANIME2SKETCH)
    detectors = Detectors(folder)
    lines = detectors.lines()(painted()[..., :3])
    assert detectors.asked == {"sketch"}
    assert lines.shape == (60, 90, 3)
    assert lines.dtype == np.uint8
    assert Detectors(folder).foreground(in_drawings=False) is None


def test_weights_for_drawings_and_for_pictures_are_kept_apart(install):
    folder = install("a-drawings", Detector.ISNET, DRAWINGS)
    assert Detectors(folder).foreground(in_drawings=False) is None
    install("b-pictures", Detector.ISNET)
    for in_drawings, name in ((True, "a-drawings"), (False, "b-pictures")):
        detectors = Detectors(folder)
        mask = detectors.foreground(in_drawings=in_drawings)(painted()[..., :3])
        assert detectors.asked == {name}
        assert (mask.shape, mask.dtype) == ((60, 90), np.uint8)


def test_damaged_detector_is_told(install):
    folder = install("figures", Detector.ISNET)
    (folder / "figures" / published.WEIGHTS).write_bytes(b"x")
    with pytest.raises(MissingModel, match="figures can't be read"):
        Detectors(folder).foreground(in_drawings=False)(painted()[..., :3])


def test_engine_asks_what_is_installed_and_says_whom(install, monkeypatch):
    folder = install("lines", Detector.ANIME2SKETCH)
    install("figures", Detector.ISNET)
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
    assert asked == [1], "the sketch alone goes to the built-in detector: the installed one is for pictures"
