"""The small ColorizeDiffusion models that ship: they are there, say what they are, and colour the sample."""

import hashlib
import logging

import cv2
import numpy as np
import pytest
import tiny_colorize_diffusion as tiny
from colorizer import paths
from colorizer.engines import cards
from colorizer.engines.base import ColorizeRequest, Mode, Reference
from colorizer.engines.colorize_diffusion.engine import ColorizeDiffusionEngine
from colorizer.engines.colorize_diffusion.region_colours import region_colours
from colorizer.engines.colorize_diffusion.settings import Version
from colorizer.imaging.layers import flatten
from colorizer.imaging.pictures import read_picture
from listening import Silent
from skimage.color import deltaE_ciede2000, rgb2lab

NAMES = ("small-v2", "small-v1.5")
FOLDER = paths.resource("weights/colorize_diffusion")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """The engine in a home without models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLORIZE_HOME", str(tmp_path_factory.mktemp("home")))
        yield ColorizeDiffusionEngine()


@pytest.fixture(scope="module")
def sample():
    """Sketch and reference, small."""
    pictures = (read_picture(paths.resource("sample") / name) for name in ("sketch.png", "reference.png"))
    return [cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA) for picture in pictures]


def test_they_are_listed_as_built_in(engine):
    models = engine.info.models
    assert tuple(model.name for model in models) == NAMES
    assert {model.licence for model in models} == {"GPL-3.0-or-later"}
    assert all("built in" in model.title for model in models)
    assert {model.steps for model in models} == {2}
    assert engine.info.missing == ""
    assert sum(model.bytes for model in models) < 40e6


@pytest.mark.parametrize("name", NAMES)
def test_card_names_its_files(name):
    folder = FOLDER / name
    files = cards.Card.read(folder).files
    assert {file.relative_to(folder).as_posix() for file in folder.rglob("*.safetensors")} <= set(files)
    for part, known in files.items():
        content = (folder / part).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (known.bytes, known.sha256)


def test_own_models_come_first(engine):
    tiny.make(Version.V1).save_pretrained(cards.models_folder() / "mine")
    assert [model.name for model in engine.info.models] == ["mine", *NAMES]


def colours(engine, sample, name, mode):
    """The engine's picture and the match engine's, where there is one: (N, 3) each; and the engine's report."""
    sketch, reference = sample
    request = ColorizeRequest(sketch, (Reference(reference),), mode, model=name)
    result = engine.colorize(request, Silent())
    picture = flatten(result.layers, sketch.shape[1], sketch.shape[0])
    seen = picture[..., 3] > 127
    return picture[..., :3][seen], region_colours(request, Silent())[seen], result.report


@pytest.mark.parametrize("name", NAMES)
def test_sample_is_coloured_as_the_match_engine_would(engine, sample, name):
    drawn, wanted, report = colours(engine, sample, name, Mode.SPLIT)
    assert name.endswith(report["version"])
    assert report["steps"] == 2
    assert np.median(deltaE_ciede2000(rgb2lab(drawn / 255), rgb2lab(wanted / 255))) < 10


@pytest.mark.parametrize("mode", [Mode.WHOLE, Mode.FOREGROUND])
def test_small_v1_5_has_its_modes(engine, sample, mode):
    drawn, wanted, _ = colours(engine, sample, "small-v1.5", mode)
    assert np.median(deltaE_ciede2000(rgb2lab(drawn / 255), rgb2lab(wanted / 255))) < 10


def test_nothing_is_said_to_programmers_while_it_loads():
    said, ear = [], logging.Handler()
    ear.emit = said.append
    libraries = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    for library in libraries:
        library.addHandler(ear)
    ColorizeDiffusionEngine().load("cpu", NAMES[0])
    for library in libraries:
        library.removeHandler(ear)
    assert [record.getMessage() for record in said] == []
