"""FLUX.2 klein behind the engine's door: the library's own picture, modes, sequences, sentences."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import tiny_flux2_klein
import torch
from colorizer import paths
from colorizer.engines import registry
from colorizer.engines.base import ColorizeRequest, Mode, Options, Reference, Role
from colorizer.engines.cards import CARD, Card
from colorizer.engines.flux2_klein import drawing, pictures
from colorizer.engines.flux2_klein.engine import Flux2KleinEngine
from colorizer.engines.flux2_klein.instructions import Shown, Subject, instruction
from colorizer.engines.runtime import memory_profiles
from colorizer.errors import Cancelled, InvalidInput, MissingModel, UnknownEngine
from colorizer.protocol.options import Advanced
from diffusers import Flux2KleinPipeline
from drawn import box_mask, box_reference, box_sketch
from listening import Listener
from PIL import Image

SIZE = 128


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("models")
    tiny_flux2_klein.make().save_pretrained(found / "tiny")
    return found


@pytest.fixture(autouse=True)
def _home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path_factory.getbasetemp() / "klein home"))


@pytest.fixture(scope="module")
def engine(folder):
    return Flux2KleinEngine(folder)


def request(mode=Mode.WHOLE, *, references=1, **named):
    options = Options(**{"steps": 2, "size": 96, "palette_lock": False} | named.pop("options", {}))
    pool = (Reference(box_reference(SIZE), box_mask(SIZE)),) * references
    return ColorizeRequest(box_sketch(SIZE), pool, mode, box_mask(SIZE), options=options, **named)


def hints():
    marks = np.zeros((SIZE, SIZE, 4), np.uint8)
    marks[60:68, 44:52] = (12, 34, 56, 255)
    return marks


@pytest.mark.parametrize("mode", Mode)
def test_colours_in_every_mode(engine, mode):
    listener = Listener()
    result = engine.colorize(request(mode), listener)
    one = {Mode.WHOLE: ["Colours"], Mode.FOREGROUND: ["Colours"], Mode.BACKGROUND: ["Background"]}
    assert [layer.name for layer in result.layers] == one.get(mode, ["Background", "Colours"])
    assert all(layer.pixels.shape == (SIZE, SIZE, 4) for layer in result.layers)
    colouring = [stage for stage in listener.stages if stage[0] == "Colouring"]
    assert colouring[-1][1] == colouring[-1][2] == 2 * (2 if mode is Mode.SPLIT else 1)
    assert all(shown.shape[2] == 4 for shown in listener.previews)
    assert len(listener.previews) == len(result.report["sides"]) + 1  # a step before the last, and the result


def given_to_the_library(request, references):
    """The pictures and the text that the engine documents, made without it."""
    paper = pictures.Paper.for_canvas(SIZE, SIZE, request.options.size)
    lines = paper.lay(pictures.line_art(request.sketch))
    shown = pictures.sheets([pictures.flat(one.picture) for one in request.references], 3, paper.width)
    text = instruction(Subject.WHOLE, Shown(references))
    return [Image.fromarray(picture) for picture in (lines, *shown)], text, paper


@pytest.mark.parametrize("references", [1, 3])
def test_draws_the_librarys_own_picture(folder, monkeypatch, references):
    """Before the last stage, bit for bit in float32 on the processor."""
    monkeypatch.setattr(memory_profiles, "has_bfloat16_units", lambda: False)
    monkeypatch.setattr(memory_profiles, "free_memory", lambda _: 2**40)
    engine, kept = Flux2KleinEngine(folder), []
    call = Flux2KleinPipeline.__call__
    monkeypatch.setattr(
        Flux2KleinPipeline, "__call__", lambda *given, **named: kept.append(call(*given, **named)) or kept[-1]
    )
    asked = request(references=references, seed=7)
    for _ in range(2):  # the second time the instruction's embedding comes from disk
        result = engine.colorize(asked, Listener())
    assert result.report["precision"] == "float32"
    shown, text, paper = given_to_the_library(asked, references)
    library = call(
        tiny_flux2_klein.make(),
        image=shown,
        prompt=text,
        height=paper.height,
        width=paper.width,
        num_inference_steps=2,
        guidance_scale=1.0,
        generator=torch.Generator().manual_seed(7),
        output_type="np",
    ).images[0]
    assert len(kept) == 2
    assert max(np.abs(ours.images[0] - library).max() for ours in kept) == 0


def test_flats_are_the_references_colours(engine):
    result = engine.colorize(request(options={"palette_lock": True}), Listener())
    flats = next(layer for layer in result.layers if layer.role is Role.FOREGROUND)
    used = {tuple(colour) for colour in np.unique(flats.pixels[..., :3].reshape(-1, 3), axis=0)}
    known = {tuple(colour) for colour in np.unique(box_reference(SIZE)[..., :3].reshape(-1, 3), axis=0)}
    assert used <= known


def test_a_hinted_region_has_exactly_the_hints_colour(engine):
    result = engine.colorize(request(hints=hints(), options={"palette_lock": True}), Listener())
    flats = next(layer for layer in result.layers if layer.role is Role.FOREGROUND)
    assert tuple(flats.pixels[64, 48, :3]) == (12, 34, 56)
    assert result.report["sides"][0]["pictures"] == 3
    assert "Image 3 shows the same line art with color marks" in result.report["sides"][0]["instruction"]


def test_many_references_share_sheets_and_hints_keep_their_place(engine):
    result = engine.colorize(request(references=7, hints=hints()), Listener())
    assert result.report["sides"][0]["pictures"] == pictures.MOST_PICTURES
    assert "like images 2 and 3" in result.report["sides"][0]["instruction"]


def test_the_artists_own_instruction_is_taken_as_it_is(engine):
    own = request(options={"advanced": Advanced(instruction=" paint it blue ")})
    result = engine.colorize(own, Listener())
    assert result.report["sides"][0]["instruction"] == "paint it blue"


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_cancelled_within_a_step(engine, blocks):
    """Two blocks a step: a third of all blocks ends inside one."""
    listener = Listener("Colouring", calls=blocks)
    with pytest.raises(Cancelled):
        engine.colorize(request(options={"steps": 4}), listener)
    assert sum(stage[0] == "Colouring" for stage in listener.stages) == blocks
    result = engine.colorize(request(), Listener())  # nothing of the cancelled one is left in the network
    assert len(result.layers) == 1


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"references": 17}, InvalidInput, "FLUX.2 klein takes up to 16 references, not 17"),
        ({"references": 0}, InvalidInput, "no reference to take colours from"),
        ({"options": {"steps": 101}}, InvalidInput, "`steps` must be 0 to 100, not 101"),
        ({"model": "other"}, UnknownEngine, "No FLUX.2 klein model 'other'"),
        (
            {"options": {"advanced": Advanced(lora="manga")}},
            InvalidInput,
            "no LoRA 'manga'.*None is installed",
        ),
    ],
)
def test_says_what_is_wrong(engine, given, error, sentence):
    with pytest.raises(error, match=sentence):
        engine.colorize(request(**given), Listener())


def test_says_how_to_get_a_model(tmp_path):
    with pytest.raises(MissingModel, match="docker's Models page"):
        Flux2KleinEngine(tmp_path).load("cpu")


def test_a_base_model_is_guided_and_takes_fifty_steps(tmp_path, monkeypatch):
    tiny_flux2_klein.make(distilled=False).save_pretrained(tmp_path / "base")
    engine = Flux2KleinEngine(tmp_path)
    assert engine.info.models[0].steps == 50
    asked = []
    draw = drawing.draw
    monkeypatch.setattr(drawing, "draw", lambda *given: asked.append(given[1]) or draw(*given))
    engine.colorize(request(), Listener())
    assert asked[0].guidance == 4
    assert asked[0].negative is not None
    weak = replace(request(), options=request().options.model_copy(update={"advanced": Advanced(guidance=1)}))
    assert engine.colorize(weak, Listener()).report["guidance"] == 1


def test_says_before_the_start_how_long_a_processor_takes(engine, monkeypatch):
    from colorizer.engines.flux2_klein import speed

    monkeypatch.setattr(speed, "estimate_minutes", lambda *_: 41.6)
    listener = Listener()
    engine.colorize(request(), listener)
    names = [stage[0] for stage in listener.stages]
    assert names.index("Colouring on the CPU: about 42 minutes") < names.index("Colouring")


def test_is_in_the_registry():
    assert registry.get("flux2_klein").info.title == "FLUX.2 klein"


def test_lists_loras_with_their_licence(tmp_path):
    folder = tmp_path / "manga"
    folder.mkdir()
    (folder / CARD).write_text(json.dumps(asdict(Card("flux2_klein_lora", "Manga", "CC BY 4.0", ""))))
    choices = Flux2KleinEngine(tmp_path).info.choices["lora"]
    assert [(one.value, one.title) for one in choices] == [
        ("", "None"),
        ("manga", "Manga, licence: CC BY 4.0"),
    ]


def frames(count):
    """Sketches of a box that moves to the right."""
    made = []
    for number in range(count):
        sketch = np.roll(box_sketch(SIZE), 3 * number, axis=1)
        made.append(replace(request(options={"steps": 1, "size": 64, "palette_lock": True}), sketch=sketch))
    return made


def surveyed(engine, pages):
    surveys = [engine.survey(page, Listener()) for page in pages]
    return [engine.read_survey(survey.to_bytes()) for survey in engine.agree(surveys, {})]


def test_a_page_of_a_series_looks_at_the_one_before(engine, monkeypatch):
    asked = []
    draw = drawing.draw
    monkeypatch.setattr(drawing, "draw", lambda *given: asked.append(given[1]) or draw(*given))
    pages = frames(3)
    surveys = surveyed(engine, pages)
    in_order = [
        engine.colorize_surveyed(page, survey, Listener())
        for page, survey in zip(pages, surveys, strict=True)
    ]
    assert [len(one.pictures) for one in asked] == [2, 3, 3]  # each page is drawn once
    assert "already colored" in in_order[2].report["sides"][0]["instruction"]
    for kept in (paths.home() / "cache" / "series").iterdir():
        kept.unlink()
    alone = engine.colorize_surveyed(
        pages[2], surveys[2], Listener()
    )  # after the others, which nobody asked for
    assert len(asked) == 6
    assert np.array_equal(alone.layers[0].pixels, in_order[2].layers[0].pixels)


def test_pages_come_back_to_the_first(engine):
    from colorizer.engines.flux2_klein.series import Page, PageSurvey, agreed

    pages = [PageSurvey(Page(np.full((8, 8, 4), number, np.uint8))) for number in range(18)]
    chains = [[int(page.sketch[0, 0, 0]) for page in survey.before] for survey in agreed(pages)]
    assert chains[0] == []
    assert chains[3] == [0, 1, 2]
    assert chains[8] == [0]
    assert chains[17] == [0, 16]
    assert max(map(len, chains)) <= 8
