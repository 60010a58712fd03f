"""ColorizeDiffusion behind the engine's door: requests to switches, sizes and layers."""

from typing import get_args

import numpy as np
import pytest
import tiny_colorize_diffusion as tiny
import torch
from colorizer.engines.base import ColorizeRequest, Mode, Options, Reference, Role
from colorizer.engines.colorize_diffusion import engine as door
from colorizer.engines.colorize_diffusion import speed
from colorizer.engines.colorize_diffusion.denoiser import Denoiser
from colorizer.engines.colorize_diffusion.engine import ColorizeDiffusionEngine, switches, working_size
from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline, Steps
from colorizer.engines.colorize_diffusion.settings import DiffusionSettings, Modes, Version
from colorizer.engines.runtime import memory_profiles
from colorizer.errors import Cancelled, InvalidInput, MissingModel, UnknownEngine
from colorizer.protocol import options as contract
from colorizer.protocol.options import Advanced
from listening import Listener


def drawing(height=90, width=130):
    picture = np.full((height, width, 4), 255, np.uint8)
    picture[20:70, 30:33, :3] = picture[20:70, 90:93, :3] = 0
    picture[20:23, 30:93, :3] = picture[67:70, 30:93, :3] = 0
    return picture


def mask(height, width):
    marked = np.zeros((height, width), np.uint8)
    marked[20:70, 30:93] = 255
    return marked


def reference():
    picture = np.random.default_rng(0).integers(0, 256, (80, 60, 4), np.uint8)
    picture[..., 3] = 255
    return Reference(picture, mask(80, 60))


def request(mode=Mode.WHOLE, **options):
    return ColorizeRequest(
        drawing(),
        (reference(),),
        mode,
        mask(90, 130),
        options=Options(**{"steps": 2, "size": 64, "palette_lock": False} | options),
    )


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """An engine with one tiny model of a version, saved on disk."""

    def make(version):
        folder = tmp_path_factory.mktemp("models")
        tiny.make(version).save_pretrained(folder / "tiny")
        return ColorizeDiffusionEngine(folder)

    made = {}
    return lambda version: (
        made.setdefault(version, None) or made.__setitem__(version, make(version)) or made[version]
    )


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("version", Version, ids=lambda version: version.value)
def test_colours_in_every_mode(version, mode, engines):
    listener = Listener()
    result = engines(version).colorize(request(mode), listener)
    names = {Mode.FOREGROUND: ["Colours"], Mode.BACKGROUND: ["Background"]}
    assert [layer.name for layer in result.layers] == names.get(mode, ["Background", "Colours"])
    assert all(layer.pixels.shape == (90, 130, 4) for layer in result.layers)
    assert ("Colouring", 2, 2) in listener.stages
    assert len(listener.previews) == 3
    assert all(picture.shape[2] == 4 for picture in listener.previews)
    assert listener.previews[-1].shape == (90, 130, 4)


def test_same_request_same_bytes(engines):
    first, second = (engines(Version.V2).colorize(request(Mode.SPLIT), Listener()) for _ in range(2))
    assert np.array_equal(first.layers[0].pixels, second.layers[0].pixels)


def test_masks_divide_the_canvas(engines):
    background, figure = engines(Version.V1_5).colorize(request(Mode.SPLIT), Listener()).layers
    assert (background.role, figure.role) == (Role.BACKGROUND, Role.FOREGROUND)
    assert np.array_equal(figure.mask, mask(90, 130))
    assert np.array_equal(background.mask, 255 - figure.mask)


def test_whole_picture_needs_no_mask(engines):
    whole = ColorizeRequest(drawing(), (reference(),), options=Options(steps=1, size=64, palette_lock=False))
    (layer,) = engines(Version.V1).colorize(whole, Listener()).layers
    assert layer.mask is None


def test_missing_masks_are_found(engines, monkeypatch):
    engine, asked = engines(Version.V2), []

    def find(picture, report):
        asked.append(picture.shape)
        return mask(*picture.shape[:2])

    monkeypatch.setattr(engine, "foreground_mask", find)
    bare = Reference(reference().picture)
    unmasked = ColorizeRequest(drawing(), (bare,), Mode.SPLIT, options=Options(steps=1, size=64))
    engine.colorize(unmasked, Listener())
    assert asked == [(90, 130, 4), (80, 60, 4)]


def test_cancelling_stops_at_the_next_step(engines):
    listener = Listener("Colouring")
    with pytest.raises(Cancelled):
        engines(Version.V1).colorize(request(), listener)
    assert listener.stages[-1] == ("Colouring", 0, 2)


def test_tells_its_models_without_torch_loaded(engines):
    info = engines(Version.V2).info
    assert [(model.name, model.title) for model in info.models] == [("tiny", "tiny (ColorizeDiffusion v2)")]
    assert info.models[0].bytes > 100_000
    assert info.models[0].licence.startswith("CC BY-NC-SA")


def test_weights_are_the_colouring_network(engines):
    assert engines(Version.V2).weights("tiny").is_file()


def test_model_that_guidance_does_not_help_has_none(tmp_path):
    networks = tiny.make(Version.V1).components
    ColorizeDiffusionPipeline(**networks, guided=False).save_pretrained(tmp_path / "small")
    result = ColorizeDiffusionEngine(tmp_path).colorize(request(), Listener())
    assert result.report["guidance"] == 1


def test_without_a_model_it_says_so(tmp_path):
    engine = ColorizeDiffusionEngine(tmp_path / "none")
    assert engine.info.models == ()
    assert engine.weights() is None
    with pytest.raises(MissingModel, match="convert FILE"):
        engine.colorize(request(), Listener())


def test_unknown_model_is_told(engines):
    with pytest.raises(UnknownEngine, match="'other'"):
        engines(Version.V2).load("cpu", "other")


def test_damaged_model_is_told(tmp_path):
    tiny.make(Version.V1).save_pretrained(tmp_path / "tiny")
    (tmp_path / "tiny" / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(MissingModel, match="Convert or download it again"):
        ColorizeDiffusionEngine(tmp_path).load("cpu")


@pytest.mark.parametrize(
    ("references", "message"), [((), "no reference"), ((reference(),) * 2, "one reference")]
)
def test_takes_exactly_one_reference(references, message, engines):
    with pytest.raises(InvalidInput, match=message):
        engines(Version.V1).colorize(ColorizeRequest(drawing(), references), Listener())


@pytest.mark.parametrize(
    ("version", "mode", "options", "expected"),
    [
        (Version.V1_5, Mode.WHOLE, {}, Modes()),
        (Version.V1_5, Mode.SPLIT, {}, Modes(foreground=True, background=True)),
        (Version.V1_5, Mode.FOREGROUND, {}, Modes(foreground=True)),
        (Version.V1_5, Mode.SPLIT, {"style_detail": True}, Modes(foreground=True, background=True)),
        (Version.V2, Mode.SPLIT, {}, Modes(background=True)),
        (Version.V2, Mode.WHOLE, {"style_detail": True}, Modes(style=True)),
        (Version.V2, Mode.WHOLE, {"background_detail": True}, Modes(background=True)),
        (Version.V1, Mode.FOREGROUND, {}, Modes()),
    ],
)
def test_switches(version, mode, options, expected):
    assert switches(version, request(mode, **options)) == expected


@pytest.mark.parametrize(
    ("canvas", "side", "size"),
    [((512, 512), 512, (512, 512)), ((4000, 2000), 512, (704, 384)), ((10, 9000), 512, (64, 15360))],
)
def test_working_sizes(canvas, side, size):
    assert working_size(canvas, side) == size


def test_every_switch_names_a_real_mode():
    assert all(isinstance(modes, Modes) and modes.split for modes in door.SWITCHES.values())


def coloured(engine, mode=Mode.SPLIT, **fine):
    wanted = request(mode, advanced=Advanced(**{"guidance": 2, **fine}))
    return engine.colorize(wanted, Listener()).layers[-1].pixels


@pytest.mark.parametrize(
    "fine",
    [
        {"reference_strength": 0.2},
        {"foreground_strength": 0.2},
        {"background_strength": 0.2},
        {"merge": 0.8},
        {"sketch_strength": 0.2},
        {"background_factor": 0.2},
        {"guidance": 8},
        {"sketch_guidance": 3},
        {"guidance_start": 0.9},
        {"guidance_end": 0.01},
        {"fine_strength": 0.1},
        {"middle_strength": 0.1},
        {"coarse_strength": 0.1},
        {"bottom_strength": 0.1},
        {"sketch_threshold": 0.999},
        {"reference_threshold": 0},
        {"reference_padding": 1.8},
        {"injection": True},
        {"sampler": "Euler a"},
        {"spacing": "Karras"},
    ],
    ids=lambda fine: next(iter(fine)),
)
def test_every_finer_setting_acts(fine, engines):
    engine = engines(Version.V2)
    assert not np.array_equal(coloured(engine, **fine), coloured(engine))


def test_injection_has_its_own_settings(engines):
    plain = coloured(engines(Version.V2), injection=True)
    for fine in ({"injection_fidelity": 0.0}, {"injection_start": 0.9}):
        assert not np.array_equal(coloured(engines(Version.V2), injection=True, **fine), plain)


def test_words_need_the_text_network(engines):
    words = "[target] red; [anchor] none; [control] everything; [scale] 8; [enhanced] False; [ts0] 0.5; [ts1] 0.55;"
    with pytest.raises(InvalidInput, match="text model"):
        coloured(engines(Version.V2), text_edits=words + " [ts2] 0.65; [ts3] 0.95")
    with pytest.raises(InvalidInput, match="can't be read"):
        coloured(engines(Version.V2), text_edits="make it red")


def test_tables_name_the_real_samplers():
    from colorizer.engines.colorize_diffusion.noise import Spacing
    from colorizer.engines.colorize_diffusion.samplers import Sampler

    assert set(get_args(contract.Sampler)) == {sampler.value for sampler in Sampler}
    assert set(get_args(contract.Spacing)) == {spacing.value for spacing in Spacing}
    assert Steps().sampler.value == Advanced().sampler


def test_standard_settings_are_the_pipelines():
    assert door.settings_of(Modes(), Advanced()) == DiffusionSettings()


def palette_of(reference):
    return {tuple(colour) for colour in reference.picture[..., :3].reshape(-1, 3).tolist()}


@pytest.mark.parametrize("mode", [Mode.WHOLE, Mode.SPLIT, Mode.FOREGROUND], ids=lambda mode: mode.value)
def test_locked_palette_gives_flats_of_the_references_colours(mode, engines):
    result = engines(Version.V2).colorize(request(mode, palette_lock=True), Listener())
    layers = {layer.name: layer for layer in result.layers}
    flats = {tuple(colour) for colour in layers["Flats"].pixels[..., :3].reshape(-1, 3).tolist()}
    assert flats <= palette_of(reference())
    assert {"#{:02x}{:02x}{:02x}".format(*colour) for colour in flats} <= set(result.report["palette"])
    assert layers.keys() <= {"Background", "Flats", "Shading", "Light"}
    assert ("Background" in layers) == (mode is not Mode.FOREGROUND)


def test_any_canvas_gets_its_own_size(engines):
    for size in ((37, 300), (700, 90)):
        lines = drawing(90, 130)
        canvas = np.full((*size, 4), 255, np.uint8)
        canvas[: min(90, size[0]), : min(130, size[1])] = lines[: size[0], : size[1]]
        odd = ColorizeRequest(canvas, (reference(),), Mode.SPLIT, options=Options(steps=1, size=64))
        for layer in engines(Version.V1_5).colorize(odd, Listener()).layers:
            assert layer.pixels.shape == (*size, 4)


def test_lines_are_found_in_any_kind_of_sketch(engines):
    """Dark on white, light on dark, on transparency, on a grey scan: the network gets the same lines."""
    seen = []
    engine = engines(Version.V1)
    dark = drawing()
    light = dark.copy()
    light[..., :3] = 255 - light[..., :3]
    clear = dark.copy()
    clear[..., 3] = 255 - clear[..., 0]
    scan = dark.copy()
    scan[..., :3] = np.maximum(dark[..., :3] * 0.75, 20).astype(np.uint8)
    for canvas in (dark, light, clear, scan):
        asked = ColorizeRequest(canvas, (reference(),), options=Options(steps=1, size=64, palette_lock=False))
        seen.append(engine.colorize(asked, Listener()).layers[0].pixels.astype(int))
    assert [np.abs(picture - seen[0]).mean() < 3 for picture in seen] == [True] * 4


def test_lines_come_from_painted_pictures_too():
    """A coloured picture with dark outlines gives its outlines, light on black, not its areas."""
    painted = drawing()
    painted[23:67, 33:90, :3] = (220, 140, 90)
    painted[:20, :, :3] = painted[70:, :, :3] = painted[:, :30, :3] = painted[:, 93:, :3] = (120, 160, 200)
    lines = door.network_lines(painted)[..., 0]
    assert lines[40, 31] > 100
    assert lines[45, 60] == 0
    assert lines[5, 5] == 0
    assert np.array_equal(door.network_lines(drawing())[..., 0], door.find_ink(drawing()))


@pytest.fixture
def short_of_memory(engines, monkeypatch):
    """An engine whose network fits only where it runs row by row, and how often it was tried."""
    engine, forward, tried = engines(Version.V1), Denoiser.forward, []

    def run(self, latent, *others):
        tried.append(len(latent))
        if len(latent) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.14 GiB.")
        return forward(self, latent, *others)

    monkeypatch.setattr(Denoiser, "forward", run)
    monkeypatch.setattr(memory_profiles, "free_memory", lambda _: 2**40)
    vars(engine).pop("_slot", None)
    engine.load("cpu", "")
    yield engine, tried
    del engine._slot  # back to the usual way


def test_makes_do_with_less_memory_and_says_so(short_of_memory):
    engine, tried = short_of_memory
    listener = Listener()
    result = engine.colorize(request(), listener)
    assert [name for name, *_ in listener.stages].count("Retrying with less memory") == 1
    assert tried == [2, 1, 1, 1, 1]
    assert result.report["memory"] == "least"
    engine.colorize(request(), Listener())
    assert tried[5:] == [1] * 4, "what doesn't fit isn't tried again"


def test_gives_up_where_nothing_is_left_to_save(short_of_memory, monkeypatch):
    engine, _ = short_of_memory

    def fail(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")

    monkeypatch.setattr(Denoiser, "forward", fail)
    with pytest.raises(RuntimeError, match="can't allocate"):
        engine.colorize(request(), Listener())


def test_other_failures_are_not_tried_again(engines, monkeypatch):
    def fail(*_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Denoiser, "forward", fail)
    listener = Listener()
    with pytest.raises(RuntimeError, match="mat1"):
        engines(Version.V1).colorize(request(), listener)
    assert "Retrying with less memory" not in [name for name, *_ in listener.stages]


def test_a_model_that_finds_no_room_is_put_there_in_parts(engines, monkeypatch):
    engine, place, tried = engines(Version.V1), speed.place, []

    def refuse_all(pipeline, way):
        tried.append(way.name)
        if way.name == "everything":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        place(pipeline, way)

    monkeypatch.setattr(memory_profiles, "free_memory", lambda _: 2**40)
    monkeypatch.setattr(speed, "place", refuse_all)
    vars(engine).pop("_slot", None)
    assert engine.colorize(request(), Listener()).report["memory"] == "least"
    assert tried == ["everything", "least"]
    del engine._slot  # back to the usual way
