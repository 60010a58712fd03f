"""The small ColorizeDiffusion that ships: it is there without a download, says what it is, and colours the sample."""

import hashlib
import logging

import numpy as np
import pytest
import tiny_colorize_diffusion as tiny
from colorizer import paths
from colorizer.engines import cards
from colorizer.engines.base import ColorizeRequest, Mode, Options, Reference
from colorizer.engines.colorize_diffusion.engine import ColorizeDiffusionEngine
from colorizer.engines.colorize_diffusion.region_colours import region_colours
from colorizer.engines.colorize_diffusion.settings import Version
from colorizer.imaging.layers import flatten
from colorizer.imaging.pictures import read_picture
from skimage.color import deltaE_ciede2000, rgb2lab

NAME = "small-v2"
FOLDER = paths.resource("weights/colorize_diffusion") / NAME


class Quiet:
    def stage(self, name, done=0, total=1): ...

    def preview(self, picture): ...


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """The engine in a home without models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLORIZE_HOME", str(tmp_path_factory.mktemp("home")))
        yield ColorizeDiffusionEngine()


@pytest.fixture(scope="module")
def sample():
    folder = paths.resource("sample")
    return read_picture(folder / "sketch.png"), read_picture(folder / "reference.png")


def test_it_is_listed_as_built_in(engine):
    (model,) = engine.info.models
    assert (model.name, model.licence) == (NAME, "GPL-3.0-or-later")
    assert "built in" in model.title
    assert engine.info.missing == ""
    assert model.bytes < 40e6


def test_its_card_names_its_files():
    files = cards.Card.read(FOLDER).files
    assert {file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*.safetensors")} <= set(files)
    for name, known in files.items():
        content = (FOLDER / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (known.bytes, known.sha256)


def test_own_models_come_first(engine):
    tiny.make(Version.V1).save_pretrained(cards.models_folder() / "mine")
    assert [model.name for model in engine.info.models] == ["mine", NAME]


def test_it_colours_the_sample_as_the_match_engine_would(engine, sample):
    sketch, reference = sample
    request = ColorizeRequest(
        sketch, (Reference(reference),), Mode.SPLIT, model=NAME, options=Options(steps=4)
    )
    layers = engine.colorize(request, Quiet()).layers
    height, width = sketch.shape[:2]
    picture = flatten(layers, width, height)
    seen = picture[..., 3] > 127
    wanted = region_colours(request, Quiet())[seen]
    difference = deltaE_ciede2000(rgb2lab(picture[..., :3][seen] / 255), rgb2lab(wanted / 255))
    assert np.median(difference) < 10


def test_nothing_is_said_to_programmers_while_it_loads():
    said, ear = [], logging.Handler()
    ear.emit = said.append
    libraries = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    for library in libraries:
        library.addHandler(ear)
    ColorizeDiffusionEngine().load("cpu", NAME)
    for library in libraries:
        library.removeHandler(ear)
    assert [record.getMessage() for record in said] == []
