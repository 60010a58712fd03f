"""Repairs in Krita's window with real strokes: only what a change reaches is replaced, in every mode, strokes stay."""

import pytest
from colorizer_lab.krita import pointer
from window_steps import has_result, is_applied, open_it, rest

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]

STROKES = ((30, 180), (206, 44))
SUN = (186, 11, 230, 55)  # its circle with its line: left, top, right, bottom


@pytest.fixture
def krita(emptied):
    return emptied


def colour(krita, mode):
    ids = krita.call(open_it)
    pointer.choose(krita, "sketch_combo", ids["Ink"])
    pointer.choose_action(krita, "add_reference_button", "Reference")
    pointer.choose(krita, "mode_combo", mode)
    pointer.click(krita, "colorize_button")
    krita.wait_until(has_result, timeout_s=90)
    pointer.click(krita, "apply_button")
    krita.wait_until(is_applied, timeout_s=30)
    krita.call(rest, count=30)


def take_brush(name, rgb, size, places):
    """Selects a layer and a brush; how many strokes there are, where these places of the picture are on the screen."""
    if name:
        document().setActiveNode(find(document(), name))
    trigger("KritaShape/KisToolBrush")
    yield from ticks(20)
    view = window.activeView()
    view.setForeGroundColor(krita.ManagedColor.fromQColor(QColor(*rgb), view.canvas()))
    view.setBrushSize(size)
    view.canvas().setZoomLevel(1.0)
    yield from ticks(20)
    return [strokes(), [screen_point(document(), x, y) for x, y in places]]


def stroke(krita, name, rgb, size, *places):
    before, points = krita.call(take_brush, name=name, rgb=rgb, size=size, places=places)
    pointer.stroke(krita, points)
    krita.wait_until(has_stroke, before=before, timeout_s=60)
    krita.call(rest, count=20)


def has_stroke(before):
    return strokes() > before and not port.busy()


def parts():
    """The group's layers by name: all their bytes, hexadecimal; and the undo steps."""
    nodes = {n.name(): n for n, _ in wrappers.walk(group())}
    layers = {
        k: n.pixelData(0, 0, 240, 240).data().hex() for k, n in nodes.items() if n.type() == "paintlayer"
    }
    return {"layers": layers, "steps": undo_steps(), "ink": digest(find(document(), "Ink"), 240, 240)}


def changes():
    item = session().document.results[0]
    return [item.changes, widget("error_label").text()]


def redo(krita):
    before = krita.call(changes)[0]
    pointer.click(krita, "redo_button")
    _, error = krita.wait_until(redone, before=before, timeout_s=120)
    krita.call(rest, count=30)
    return error


def redone(before):
    found = changes()
    return found if found[0] > before or found[1] else None


def differing(before, after, box):
    """How many pixels differ inside of a box and outside of it."""
    inside = outside = 0
    for pixel in range(240 * 240):
        x, y = pixel % 240, pixel // 240
        if before[pixel * 8 : pixel * 8 + 8] != after[pixel * 8 : pixel * 8 + 8]:
            if box[0] <= x < box[2] and box[1] <= y < box[3]:
                inside += 1
            else:
                outside += 1
    return inside, outside


def pixel_of(layer, x, y):
    return layer[(y * 240 + x) * 8 : (y * 240 + x) * 8 + 8]


def has_hints():
    return bool(session().document.settings.hints) and document().activeNode().name() == "Colour hints"


@pytest.mark.parametrize("mode", ["whole", "split", "foreground", "background"])
def test_only_what_the_strokes_reach_is_replaced(krita, mode):
    colour(krita, mode)
    names = list(krita.call(parts)["layers"])
    for name in names:  # the artist's own strokes, far from the sun and inside of it
        stroke(krita, name, (10, 200, 60), 8, (20, 180), (25, 180), (30, 180), (35, 180), (40, 180))
        stroke(krita, name, (10, 200, 60), 8, (198, 44), (202, 44), (206, 44), (210, 44), (214, 44))
    mask = "Foreground mask" if "Foreground mask" in krita.call(mask_names) else "Background mask"
    stroke(krita, mask, (0, 0, 0), 10, (205, 28), (212, 28))
    pointer.click(krita, "create_hints_button") if krita.call(unfold_hints) else None
    krita.wait_until(has_hints, timeout_s=60)
    stroke(krita, "", (200, 0, 250), 5, (206, 34), (210, 34))
    before = krita.call(parts)
    assert [pixel_of(before["layers"][name], *place) for name in names for place in STROKES] == [
        "3cc80aff"
    ] * (2 * len(names))
    assert redo(krita) == ""
    after = krita.call(parts)
    found = {name: differing(before["layers"][name], after["layers"][name], SUN) for name in names}
    assert all(outside == 0 for _, outside in found.values()), found
    assert any(inside for inside, _ in found.values()), found
    assert any(pixel_of(after["layers"][name], 208, 25) == "fa00c8ff" for name in names)
    for name in names:
        for place in STROKES:
            assert pixel_of(after["layers"][name], *place) == pixel_of(before["layers"][name], *place)
    assert after["ink"] == before["ink"]
    assert len(after["steps"]) == len(before["steps"]) + 1
    assert krita.call(undo) == before["layers"]


def mask_names():
    return [n.name() for n, _ in wrappers.walk(group()) if n.type() == "transparencymask"]


def unfold_hints():
    widget("pages").setCurrentIndex(1)
    fold = widget("hints_section")
    if not fold.isChecked():
        fold.click()
    yield from ticks(10)
    return True


def undo():
    trigger("edit_undo")
    document().waitForDone()
    yield from ticks(20)
    return parts()["layers"]


def test_nothing_changed_is_told(krita):
    colour(krita, "whole")
    before = krita.call(parts)
    assert "Nothing has changed" in redo(krita)
    assert krita.call(parts) == before


def watch_status():
    """Notes what the status line says at the end of each turn of the event loop, and when layers were written."""
    global said
    said = []
    from krita_colorize.qt import QtCore

    def note():
        said.append(widget("status_label").text())

    session().activity.reads.connect(note)
    session().state_changed.connect(lambda: QtCore.QTimer.singleShot(0, note))
    port = session().repairs._tools.port
    write = port.replace_pixels

    def replace_pixels(*arguments):
        write(*arguments)
        said.append("WRITTEN")

    port.replace_pixels = replace_pixels


def at_rest():
    """Nothing is on its way, and nobody is about to look whether the canvas has changed."""
    now = session()
    return not now.canvas.registration._timer.isActive() and widget("status_label").text() == "Ready"


def what_was_said():
    return said if said and said[-1] == "Ready" else None


def test_ready_is_said_once_the_layers_have_changed(krita):
    colour(krita, "whole")
    krita.call(unfold_hints)
    pointer.click(krita, "create_hints_button")
    krita.wait_until(has_hints, timeout_s=60)
    stroke(krita, "", (200, 0, 250), 5, (206, 34), (210, 34))
    krita.wait_until(at_rest, timeout_s=60)
    krita.call(watch_status)
    redo(krita)
    said = krita.wait_until(what_was_said, timeout_s=60)
    assert said[0] == "Reading the pictures"  # with the press itself
    assert [word for word in said[: said.index("WRITTEN")] if word == "Ready"] == [], " | ".join(said)
