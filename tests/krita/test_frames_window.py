"""An animated sketch of twelve keyframes, coloured through the docker; the backend is killed in the middle."""

import sys

import pytest
from colorizer_lab.krita import pointer, session

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]

PRELUDE = "import inside_docker, kra\nglobals().update(vars(inside_docker))"


@pytest.fixture(scope="module")
def docker_keeper(display, keeper):
    backend = [sys.executable, "-m", "colorizer", "serve"]
    yield from keeper(lambda: session.windowed(display, backend=backend), PRELUDE)


def open_animation(folder):
    """A sketch of the house moving to the right, a keyframe at every second time; it is selected and has the hidden
    layer Reference as its reference."""
    yield from close_all()
    window.qwindow().showMaximized()
    hide_other_dockers()
    yield from ticks(10)
    drawn = {
        2 * n: picture(lambda painter, n=n: [painter.translate(2 * n, 0), ink(painter)]) for n in range(12)
    }
    paper = b"\xff" * (SIDE * SIDE * 4)
    layers = [
        kra.Layer("Paper", {0: paper}),
        kra.Layer("Reference", {0: picture(colours)}, visible=False),
        kra.Layer("Frames", drawn),
    ]
    kra.write(f"{folder}/animation.kra", SIDE, SIDE, layers)
    opened = Krita.instance().openDocument(f"{folder}/animation.kra")
    yield from show(opened)
    sketch = find(opened, "Frames")
    opened.setActiveNode(sketch)
    yield from ticks(30)
    model = session().document
    model.choose_sketch(id_of(sketch))
    session().references.add_layer(model, next(layer for layer in model.layers if layer.name == "Reference"))
    yield from ticks(20)
    return [widget("colorize_frames_button").text(), len(undo_steps())]


def kill_backend_at_the_sixth():
    """Once five frames are done: told by a signal, because nobody might look in time."""
    import os
    import signal

    global killed
    killed = []
    frames = session().frames

    def kill():
        os.kill(session().backend.local._process.processId(), signal.SIGKILL)
        killed.append(True)

    def look():
        if frames.run is not None and len(frames.run.done) >= 5:
            frames.changed.disconnect(look)
            krita.QTimer.singleShot(100, kill)

    frames.changed.connect(look)


def stopped():
    return bool(killed) and session().frames.run is None


def new_layer():
    """Times and the sun's colour of the coloured layer at each; None before it is there."""
    opened = document()
    found = [
        n for n, _ in wrappers.walk(opened.rootNode()) if n.animated() and n.name().startswith("Colours")
    ]
    if not found:
        return None
    key, times = (
        port.active_document().key,
        list(port.frame_times(port.active_document().key, id_of(found[0]))),
    )
    suns = []
    for number, time in enumerate(times):
        pixels = port.snapshot_frame(key, id_of(found[0]), time)
        place = ((33 - pixels.y) * pixels.width + 208 + number * 2 - pixels.x) * 4
        suns.append(bytes(pixels.data[place : place + 4]).hex())
    return [times, suns, len(undo_steps())]


def test_twelve_frames_survive_a_killed_backend(docker_keeper, tmp_path):
    krita = docker_keeper.get()
    text, steps = krita.call(open_animation, folder=str(tmp_path))
    assert text == "Colour 12 frames"
    krita.call(kill_backend_at_the_sixth)
    pointer.click(krita, "colorize_frames_button")
    krita.wait_until(stopped, timeout_s=180)
    if krita.call(new_layer) is None:  # else the backend was started again in time
        pointer.click(krita, "colorize_frames_button")
    times, suns, steps_after = krita.wait_until(new_layer, timeout_s=180)
    assert times == list(range(0, 24, 2))
    surveys = [file.name for file in (krita.home / "colorize" / "surveys").iterdir()]
    assert len([name for name in surveys if name.endswith(".survey")]) == 12, (
        surveys
    )  # none was looked at twice
    assert set(suns) == {"5adcfaff"}  # the sun's yellow in every frame
    assert steps_after == steps + 1
