"""The published systems through the docker in Krita's window, with small random models, to layers."""

import sys

import pytest
import tiny_colorize_diffusion as tiny
import tiny_flux2_klein
import torch
from colorizer.engines.anime_diffusion.diffusion import ddim_scheduler
from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline
from colorizer.engines.anime_diffusion.unet import AnimeDiffusionUNet
from colorizer.engines.colorize_diffusion.settings import Version
from colorizer.engines.models import quiet_libraries
from colorizer_lab.krita import pointer, session
from engines import tiny_colorflow
from window_steps import DOCKER, empty, is_applied

pytestmark = [pytest.mark.window, pytest.mark.timeout(900)]

PATIENCE_S = 240
MODES = ("whole", "foreground", "background", "split")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a model of each system, of ColorizeDiffusion those of the two later versions."""
    quiet_libraries()
    home = tmp_path_factory.mktemp("home")
    tiny.make(Version.V1_5).save_pretrained(home / "models" / "tiny-v1.5")
    torch.manual_seed(0)
    faces = AnimeDiffusionUNet(channel_base=32, channel_mult=(1, 1), n_res_blocks=1)
    AnimeDiffusionPipeline(faces, ddim_scheduler()).save_pretrained(home / "models" / "tiny-faces")
    tiny_flux2_klein.make().save_pretrained(home / "models" / "tiny-klein")
    tiny_colorflow.make_pixart().save(home / "models" / "tiny-pages")
    return home


@pytest.fixture(scope="module")
def krita_keeper(display, keeper, home):
    backend = [sys.executable, "-m", "colorizer", "serve"]
    variables = {"COLORIZE_HOME": str(home)}
    yield from keeper(lambda: session.windowed(display, backend=backend, variables=variables), DOCKER)


@pytest.fixture
def krita(krita_keeper):
    krita = krita_keeper.get()
    krita.call(empty)
    return krita


def open_it():
    yield from open_drawing("RGBA U8", 237)  # no network's grid fits
    yield from ticks(30)
    session().backend.need()
    return {node.name(): id_of(node) for node, _ in wrappers.walk(document().rootNode())}


def engine_is_ready():
    return any(engine.name == "colorize_diffusion" and not engine.missing for engine in session().engines)


def ink_bytes():
    """The sketch layer's pixels, hashed."""
    import hashlib

    layer = document().nodeByName("Ink")
    bounds = layer.bounds()
    place = bounds.x(), bounds.y(), bounds.width(), bounds.height()
    return hashlib.sha256(bytes(layer.pixelData(*place))).hexdigest()


def make_it_quick():
    session().document.change_options(steps=2, size=64)


def ended(before):
    """The docker's state once there is one result more."""
    now = docker_state()
    return now if now["error"] or now["results"] > before else None


def newest_layers():
    item = session().document.results[0]
    record = item.result.record
    return [[layer.name for layer in item.result.layers()], record["report"].get("version", "")]


def group_layers():
    yield from ticks(20)
    nodes = [node for node, _ in wrappers.walk(group())]
    return {node.name(): node.blendingMode() for node in nodes if node.type() == "paintlayer"}


def set_up(krita):
    ids = krita.call(open_it)
    pointer.choose(krita, "sketch_combo", ids["Ink"])
    pointer.choose_action(krita, "add_reference_button", "Reference")
    krita.wait_until(engine_is_ready, timeout_s=PATIENCE_S)


@pytest.mark.parametrize(
    ("engine", "model", "version"),
    [
        ("colorize_diffusion", "tiny-v1.5", "v1.5"),
        ("colorize_diffusion", "small-v2", "v2"),
        ("flux2_klein", "tiny-klein", ""),
    ],
)
def test_every_mode_goes_the_whole_way(krita, engine, model, version):
    set_up(krita)
    before = krita.call(ink_bytes)
    pointer.choose(krita, "engine_combo", engine)
    if engine == "colorize_diffusion":  # the others have one
        pointer.choose(krita, "model_combo", model)
    krita.call(make_it_quick)
    seen = {}
    for number, mode in enumerate(MODES):
        pointer.choose(krita, "mode_combo", mode)
        pointer.click(krita, "colorize_button")
        now = krita.wait_until(ended, before=number, timeout_s=PATIENCE_S)
        assert now["error"] == ""
        seen[mode], found = krita.call(newest_layers)
        assert found == version
    with_background = {mode for mode, names in seen.items() if "Background" in names}
    assert with_background == {"background", "split"}
    assert {mode for mode, names in seen.items() if "Flats" in names} == {"whole", "foreground", "split"}
    pointer.click(krita, "apply_button")
    krita.wait_until(is_applied, timeout_s=PATIENCE_S)
    blends = krita.call(group_layers)
    assert list(blends)[::-1] == seen["split"]
    assert krita.call(ink_bytes) == before
    assert blends.get("Shading", "multiply") == "multiply"
    assert blends.get("Light", "screen") == "screen"


@pytest.mark.parametrize("engine", ["anime_diffusion", "colorflow"])
def test_the_other_systems_go_the_whole_way(krita, engine):
    set_up(krita)
    pointer.choose(krita, "engine_combo", engine)
    krita.call(make_it_quick)
    pointer.choose(krita, "mode_combo", "split")
    pointer.click(krita, "colorize_button")
    now = krita.wait_until(ended, before=0, timeout_s=PATIENCE_S)
    assert now["error"] == ""
    pointer.click(krita, "apply_button")
    krita.wait_until(is_applied, timeout_s=PATIENCE_S)
    assert {"Background", "Flats"} <= krita.call(group_layers).keys()
