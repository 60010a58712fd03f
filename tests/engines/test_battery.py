"""What every engine of the registry must do, in every mode: layers, determinism, cancelling, less memory, sentences."""

from dataclasses import replace

import numpy as np
import pytest
from colorizer.engines import last_stage, registry
from colorizer.engines.base import ColorizeRequest, Correction, Mode, Options, Reference
from colorizer.engines.diffusion_engine import DiffusionEngine
from colorizer.engines.pages import with_pages
from colorizer.engines.runtime import memory_profiles
from colorizer.errors import Cancelled, InvalidInput, UnknownEngine
from colorizer.imaging.values import Role
from drawn import blank, box_mask, box_reference, box_sketch
from listening import Listener, Silent
from tiny_engines import MAKERS

SIZE = 96
PAINTED = (Role.BACKGROUND, Role.FOREGROUND)


@pytest.fixture(scope="module", params=registry.names())
def engine(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLORIZE_HOME", str(tmp_path_factory.mktemp("home")))
        made = with_pages(MAKERS[request.param](tmp_path_factory.mktemp("models")))
        made.load("cpu")
        yield made


def asked(mode=Mode.WHOLE, **named):
    options = Options(steps=2, size=64)
    reference = Reference(box_reference(SIZE), box_mask(SIZE))
    usual = {"sketch_mask": box_mask(SIZE), "references": (reference,), "options": options}
    return ColorizeRequest(box_sketch(SIZE), mode=mode, **(usual | named))


@pytest.mark.parametrize("mode", Mode)
def test_layers_are_the_modes(engine, mode):
    result = engine.colorize(asked(mode), Silent())
    roles = [layer.role for layer in result.layers]
    shown = {
        Mode.WHOLE: {Role.FOREGROUND},
        Mode.SPLIT: set(PAINTED),
        Mode.FOREGROUND: {Role.FOREGROUND},
        Mode.BACKGROUND: {Role.BACKGROUND},
    }
    assert shown[mode] <= set(roles)
    assert roles == sorted(roles, key=[*PAINTED, Role.SHADING, Role.LIGHT].index), "bottom to top"
    for layer in result.layers:
        height, width = layer.pixels.shape[:2]
        assert layer.pixels.dtype == np.uint8
        assert layer.pixels.shape[2] == 4
        assert 0 <= layer.x <= layer.x + width <= SIZE
        assert 0 <= layer.y <= layer.y + height <= SIZE
        assert layer.mask is None or layer.mask.shape == (height, width)


def same(first, second):
    return len(first.layers) == len(second.layers) and all(
        np.array_equal(one.pixels, other.pixels)
        and (one.mask is other.mask is None or np.array_equal(one.mask, other.mask))
        for one, other in zip(first.layers, second.layers, strict=True)
    )


@pytest.mark.parametrize("mode", Mode)
def test_same_request_gives_same_bytes(engine, mode):
    assert same(engine.colorize(asked(mode), Silent()), engine.colorize(asked(mode), Silent()))


def test_corrections_are_heeded_and_leave_the_rest(engine):
    plain = last_stage.colorize(engine, asked(), Silent())
    place = SIZE * 2 // 5, SIZE // 2
    told = last_stage.colorize(engine, asked(corrections=(Correction(*place, "#ff01fe"),)), Silent())
    table = plain.table
    assert np.array_equal(told.table.labels, table.labels)
    region = table.labels[place[1], place[0]]
    role = Role.BACKGROUND if table.on_background[region] else Role.FOREGROUND
    before, after = (next(one for one in made.layers if one.role is role).pixels for made in (plain, told))
    here = table.labels == region
    assert (after[here] == (255, 1, 254, 255)).all()
    assert np.array_equal(before[~here], after[~here])
    assert len(table.likely[region]) > 1


def test_seeds_differ(engine):
    """Where nothing but the model decides the colours."""
    if not isinstance(engine.engine, DiffusionEngine):
        pytest.skip("match throws no dice")
    free = asked().options.model_copy(update={"palette_lock": False})
    first, second = (engine.colorize(asked(seed=seed, options=free), Silent()) for seed in (0, 1))
    assert not same(first, second)


def test_inputs_stay_as_they_are(engine):
    request = asked(Mode.SPLIT)
    before = [array.copy() for array in (request.sketch, request.references[0].picture, request.sketch_mask)]
    engine.colorize(request, Silent())
    after = (request.sketch, request.references[0].picture, request.sketch_mask)
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_cancelled_at_any_stage(engine):
    """And nothing of the cancelled job is left in the next one."""
    told = Listener()
    expected = engine.colorize(asked(Mode.SPLIT), told)
    for name in dict.fromkeys(told.names):
        listener = Listener(name)
        with pytest.raises(Cancelled):
            engine.colorize(asked(Mode.SPLIT), listener)
        assert listener.names[-1] == name
    assert same(engine.colorize(asked(Mode.SPLIT), Silent()), expected)


def test_goes_on_with_less_memory(engine, monkeypatch):
    """Memory runs out once, wherever the engine draws."""
    inner = engine.engine
    if not isinstance(inner, DiffusionEngine):
        pytest.skip("match holds one small network and has no step to go down")
    monkeypatch.setattr(memory_profiles, "free_memory", lambda _: 2**50)
    slot = inner._slot
    profiles = slot._profiles
    stepped = memory_profiles.MemoryProfiles(
        *[((8.0, "everything", {}), (0.0, "less", {}))] * 2, precise=profiles.precise
    )
    monkeypatch.setattr(slot, "_profiles", stepped)
    monkeypatch.setattr(slot, "device", "")
    expected = engine.colorize(asked(), Silent())
    run, failed = slot.run, []

    def failing_once(draw, report):
        def attempt():
            if not failed:
                failed.append(True)
                raise MemoryError
            return draw()

        return run(attempt, report)

    monkeypatch.setattr(slot, "run", failing_once)
    listener = Listener()
    result = engine.colorize(asked(), listener)
    assert "Retrying with less memory" in listener.names
    assert (expected.report["memory"], result.report["memory"]) == ("everything", "less")
    assert same(result, expected)
    monkeypatch.undo()
    slot.device = ""


@pytest.mark.parametrize("mode", Mode)
def test_no_reference_is_one_sentence(engine, mode):
    with pytest.raises(InvalidInput, match="There is no reference to take colours from"):
        engine.colorize(asked(mode, references=()), Silent())


def test_empty_sketch_is_one_sentence(engine):
    with pytest.raises(InvalidInput, match=r"^[A-Z].*\.$"):
        engine.colorize(replace(asked(), sketch=blank(SIZE, SIZE)), Silent())


def test_too_many_references_are_told(engine):
    most = engine.info.max_references
    with pytest.raises(InvalidInput, match=rf"takes (up to {most} references|one reference), not {most + 1}"):
        engine.colorize(asked(references=asked().references * (most + 1)), Silent())


def test_unknown_model_is_told(engine):
    with pytest.raises(UnknownEngine, match="nobody"):
        engine.load("cpu", "nobody")


def test_says_what_it_can_do(engine):
    info = engine.info
    assert info.missing == ""
    assert set(info.modes) <= set(Mode)
    assert info.models
    weights = engine.weights(info.models[0].name)
    assert weights is not None
    assert weights.is_file()
