"""Corrections in Krita's window: a click on the canvas opens swatches at the pointer, a key or a click repaints."""

import pytest
from colorizer_lab.krita import pointer
from window_steps import has_result, is_applied, open_it, rest

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]

WALL, DOOR = (80, 180), (120, 195)


@pytest.fixture
def krita(emptied):
    """The drawing, coloured and applied, at 100 % with a brush."""
    krita = emptied
    ids = krita.call(open_it)
    pointer.choose(krita, "sketch_combo", ids["Ink"])
    pointer.choose_action(krita, "add_reference_button", "Reference")
    pointer.click(krita, "colorize_button")
    krita.wait_until(has_result, timeout_s=90)
    pointer.click(krita, "apply_button")
    krita.wait_until(is_applied, timeout_s=30)
    krita.call(rest, count=30)
    krita.define(flats)
    krita.define(a_patch_is_shown)
    return krita


def flats():
    """The group's paint layers: all their bytes, hexadecimal."""
    nodes = [node for node, _ in wrappers.walk(group()) if node.type() == "paintlayer"]
    return {node.name(): node.pixelData(0, 0, 240, 240).data().hex() for node in nodes}


def look_closer(places):
    """Where these places of the picture are on the screen."""
    trigger("KritaShape/KisToolBrush")
    window.activeView().canvas().setZoomLevel(1.0)
    yield from ticks(20)
    return [screen_point(document(), x, y) for x, y in places]


def state():
    item = session().document.results[0]
    corrections = item.result.request.settings.corrections
    return {
        "layers": flats(),
        "steps": len(undo_steps()),
        "strokes": strokes(),
        "changes": item.changes,
        "corrections": [one.colour for one in corrections],
        "error": widget("error_label").text(),
    }


def is_on():
    return session().corrections.on


def popup_place():
    """Where the popup is on the screen, once it can be used."""
    popup = widget("colour_popup")
    area = popup.frameGeometry()
    return [area.left(), area.top(), area.width(), area.height()] if popup.isActiveWindow() else None


def swatches():
    """Each swatch of the popup: its colour, and its middle on the screen."""
    found = widget("colour_popup").findChildren(krita.QtWidgets.QAbstractButton)
    return [
        [button.swatch.shown, *vars_of(button.mapToGlobal(button.rect().center()))]
        for button in found
        if button.isVisible()
    ]


def vars_of(point):
    return [point.x(), point.y()]


def popup_is_closed():
    return not widget("colour_popup").isVisible()


def has_changed(before):
    found = session().document.results[0]
    return found.changes > before or widget("error_label").text() != ""


def undo_once(wanted):
    trigger("edit_undo")
    document().waitForDone()
    yield from until(lambda: flats() == wanted, patience_s=10)
    return flats() == wanted


def pixel_of(layer, x, y):
    return layer[(y * 240 + x) * 8 : (y * 240 + x) * 8 + 8]


def start(krita, *places):
    points = krita.call(look_closer, places=places)
    krita.xdotool("mousemove", *points[0])
    krita.call(rest, count=30)  # Krita's canvas takes the keyboard when the pointer comes to it
    krita.xdotool("key", "ctrl+alt+e")
    krita.wait_until(is_on, timeout_s=30)
    return points


def test_a_click_and_a_key_repaint_a_region_as_one_undo_step(krita):
    (wall,) = start(krita, WALL)
    before = krita.call(state)
    krita.xdotool("mousemove", *wall, "click", 1)
    left, top, *_ = krita.wait_until(popup_place, timeout_s=30)
    assert 0 <= left - wall[0] < 60
    assert 0 <= top - wall[1] < 60
    krita.define(vars_of)
    first = krita.call(swatches)[0][0]
    krita.xdotool("key", "1")
    krita.wait_until(has_changed, before=before["changes"], timeout_s=60)
    krita.call(rest, count=20)
    after = krita.call(state)
    assert (after["error"], after["strokes"]) == ("", before["strokes"])
    name = next(name for name in after["layers"] if after["layers"][name] != before["layers"][name])
    blue, green, red = first[5:7], first[3:5], first[1:3]
    assert pixel_of(after["layers"][name], *WALL) == f"{blue}{green}{red}ff"
    assert pixel_of(after["layers"][name], *DOOR) == pixel_of(before["layers"][name], *DOOR)
    assert after["steps"] == before["steps"] + 1
    assert first in after["corrections"]
    assert krita.call(undo_once, wanted=before["layers"])


def watch_writing(point):
    """From now on: what is on the screen at a point just before pixels are written into the layers."""
    global on_screen
    on_screen, port = [], session().repairs._tools.port
    write = port.replace_pixels

    def replace_pixels(*arguments):
        on_screen.append(screen_colour(*point))
        return write(*arguments)

    port.replace_pixels = replace_pixels


def a_patch_is_shown():
    patch = canvas.canvas_widget(window).findChild(QWidget, "colorize_patch")
    return patch is not None and patch.isVisible()


def seen_before_writing():
    return None if a_patch_is_shown() else on_screen


def test_the_new_colour_is_on_the_screen_before_the_layer_is_written(krita):
    (wall,) = start(krita, WALL)
    before = krita.call(state)
    krita.call(watch_writing, point=wall)
    krita.xdotool("mousemove", *wall, "click", 1)
    krita.wait_until(popup_place, timeout_s=30)
    krita.define(vars_of)
    first = krita.call(swatches)[0][0]
    krita.xdotool("key", "1")
    krita.wait_until(has_changed, before=before["changes"], timeout_s=60)
    assert krita.wait_until(seen_before_writing, timeout_s=30) == [
        [int(first[i : i + 2], 16) for i in (1, 3, 5)]
    ]


def paint_hint(x, y):
    """A hint layer with a green dot on it, for the sketch."""
    model = session().document
    session().job_requests.make_hints(model)
    yield from until(lambda: model.settings.hints)
    node = session().repairs._tools.port.documents.node(model.info.key, model.settings.hints)
    node.setPixelData(krita.QtCore.QByteArray(bytes([60, 200, 20, 255]) * 64), x - 4, y - 4, 8, 8)
    document().refreshProjection()
    yield from ticks(20)


def redo_and_look(point):
    """Redo, whose answer is taken only once a patch is on the screen: its colour at a point."""
    repairs = session().repairs
    answers, repairs._on_ended = [], lambda *answer: answers.append(answer)
    session().redo()
    yield from until(lambda: a_patch_is_shown() and answers)
    yield from ticks(5)
    found = screen_colour(*point)
    del repairs._on_ended
    repairs._on_ended(*answers[0])
    return found


def test_a_hint_is_on_the_screen_before_the_backend_answers(krita):
    (wall,) = krita.call(look_closer, places=[WALL])
    krita.call(paint_hint, x=WALL[0] + 20, y=WALL[1])
    before = krita.call(state)
    assert krita.call(redo_and_look, point=wall) == [20, 200, 60]
    krita.wait_until(has_changed, before=before["changes"], timeout_s=60)
    after = krita.call(state)
    assert after["error"] == ""
    assert "3cc814ff" in {pixel_of(layer, *WALL) for layer in after["layers"].values()}


def test_a_swatch_is_clicked_and_the_next_click_paints_once_it_is_off(krita):
    wall, door = start(krita, WALL, DOOR)
    before = krita.call(state)
    krita.xdotool("mousemove", *door, "click", 1)
    krita.wait_until(popup_place, timeout_s=30)
    krita.define(vars_of)
    colour, x, y = krita.call(swatches)[1]
    krita.xdotool("mousemove", x, y, "click", 1)
    krita.wait_until(has_changed, before=before["changes"], timeout_s=60)
    krita.call(rest, count=20)
    after = krita.call(state)
    assert colour in after["corrections"]
    assert after["strokes"] == before["strokes"]
    krita.xdotool("mousemove", *wall, "key", "ctrl+alt+e")
    krita.call(rest, count=20)
    assert not krita.call(is_on)
    krita.xdotool("mousemove", *wall, "click", 1)
    krita.call(rest, count=40)
    assert krita.call(state)["strokes"] == before["strokes"] + 1


def test_escape_closes_and_the_canvas_is_still_caught(krita):
    (wall,) = start(krita, WALL)
    before = krita.call(state)
    krita.xdotool("mousemove", *wall, "click", 1)
    krita.wait_until(popup_place, timeout_s=30)
    krita.xdotool("key", "Escape")
    krita.wait_until(popup_is_closed, timeout_s=30)
    krita.xdotool("mousemove", *wall, "click", 1)
    krita.wait_until(popup_place, timeout_s=30)
    assert krita.call(state)["layers"] == before["layers"]
    assert krita.call(state)["strokes"] == before["strokes"]
    krita.xdotool("key", "Escape")
