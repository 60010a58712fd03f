"""The rest of the artist's loop in Krita's window: keys, bindings by two clicks, palette edits, the check view."""

import pytest
from colorizer_lab.krita import pointer
from window_steps import has_result, is_applied, open_it, rest

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]


@pytest.fixture
def krita(emptied):
    krita = emptied
    ids = krita.call(open_it)
    pointer.choose(krita, "sketch_combo", ids["Ink"])
    pointer.choose_action(krita, "add_reference_button", "Reference")
    return krita


def press(krita, keys):
    krita.xdotool("mousemove", *krita.call(canvas_point))
    krita.call(rest, count=30)  # Krita's canvas takes the keyboard when the pointer comes to it
    krita.xdotool("key", keys)


def canvas_point():
    middle = canvas_on_screen().center()
    return [middle.x(), middle.y()]


def error():
    return widget("error_label").text()


def test_keys_colour_and_apply(krita):
    press(krita, "ctrl+alt+k")
    krita.wait_until(has_result, timeout_s=90)
    press(krita, "ctrl+alt+p")
    krita.wait_until(is_applied, timeout_s=30)
    assert krita.call(error) == ""
    assert "Duplicated action" not in krita.log()


def focused():
    return krita.QApplication.focusWidget()


def focus_is(name):
    return focused() is not None and focused().objectName() == name


def focus_is_above_the_button():
    button = widget("colorize_button")
    return button.parentWidget().isAncestorOf(focused()) and not button.hasFocus()


def canvas_has_keyboard():
    return focused() is canvas.canvas_widget(window)


def give_canvas_the_keyboard():
    canvas.canvas_widget(window).setFocus()
    yield from ticks(10)


def test_the_keyboard_goes_in_round_and_out(krita):
    krita.define(focused)
    krita.call(give_canvas_the_keyboard)
    press(krita, "ctrl+alt+u")
    krita.wait_until(focus_is, name="colorize_button", timeout_s=30)
    krita.xdotool("key", "shift+Tab")
    krita.wait_until(focus_is_above_the_button, timeout_s=30)
    krita.xdotool("key", "Tab")
    krita.wait_until(focus_is, name="colorize_button", timeout_s=30)
    krita.xdotool("key", "ctrl+alt+u")
    krita.wait_until(canvas_has_keyboard, timeout_s=30)


def unfold(name):
    widget("pages").setCurrentIndex(1)
    fold = widget(f"{name}_section")
    if not fold.isChecked():
        fold.click()
    yield from ticks(10)


def shows_reference():
    return session().bindings.view is not None


def spot_on_screen(x, y):
    """Where a spot of the reference is on the screen."""
    picture = widget("reference_picture")
    widget_parent = picture.parentWidget()
    while widget_parent is not None:
        if hasattr(widget_parent, "ensureWidgetVisible"):
            widget_parent.ensureWidgetVisible(picture)
        widget_parent = widget_parent.parentWidget()
    yield from ticks(10)
    area = picture._area()
    at = picture.mapToGlobal(
        inside_window.QPoint(
            round(area.x() + x * area.width() / 240), round(area.y() + y * area.height() / 240)
        )
    )
    return [at.x(), at.y()]


def waits_for_click():
    return session().bindings.waiting


def bound():
    bindings = session().document.settings.bindings
    return [[b.x, b.y, b.reference_x, b.reference_y] for b in bindings] or None


def steps():
    return [len(undo_steps()), digest(find(document(), "Ink"), 240, 240)]


def sun_colour():
    return list(find(document(), "Flats").pixelData(208, 33, 1, 1).data())


def test_two_clicks_bind_a_region(krita):
    krita.call(unfold, name="hints")
    pointer.click(krita, "show_reference_button")
    krita.wait_until(shows_reference, timeout_s=60)
    before = krita.call(steps)
    krita.xdotool("mousemove", *krita.call(spot_on_screen, x=120, y=80), "sleep", 0.1, "click", 1)
    krita.wait_until(waits_for_click, timeout_s=60)
    krita.xdotool("mousemove", *krita.call(screen_sun), "sleep", 0.1, "click", 1)
    x, y, reference_x, reference_y = krita.wait_until(bound, timeout_s=60)[0]
    assert [abs(x - 208) <= 2, abs(y - 33) <= 2, abs(reference_x - 120) <= 3, abs(reference_y - 80) <= 3] == [
        True
    ] * 4
    assert krita.call(steps) == before
    pointer.click(krita, "colorize_button")
    krita.wait_until(has_result, timeout_s=90)
    pointer.click(krita, "apply_button")
    krita.wait_until(is_applied, timeout_s=30)
    assert krita.call(sun_colour) == [50, 60, 190, 255]  # the roof's red


def screen_sun():
    window.activeView().canvas().setZoomLevel(1.0)
    yield from ticks(20)
    return screen_point(document(), 208, 33)


def edit_first_colour():
    colours = session().document.applied().result.palette
    session().palettes.edit(session().document, {colours[0]: "#123456"})
    return [list(colours), session().document.applied().changes]


def edited(before):
    item = session().document.applied()
    return list(item.result.palette) if item.changes > before else None


def layer_colours():
    found = set()
    for name in ("Background", "Flats"):
        data = find(document(), name).pixelData(0, 0, 240, 240).data()
        found |= {data[i : i + 3].hex() for i in range(0, len(data), 4) if data[i + 3]}
    return sorted(found)


def test_a_palette_edit_is_exact_and_one_undo_step(krita):
    pointer.choose(krita, "mode_combo", "split")
    pointer.click(krita, "colorize_button")
    krita.wait_until(has_result, timeout_s=90)
    pointer.click(krita, "apply_button")
    krita.wait_until(is_applied, timeout_s=30)
    krita.call(rest, count=30)
    before, colours = krita.call(steps), krita.call(layer_colours)
    palette, count = krita.call(edit_first_colour)
    assert krita.wait_until(edited, before=count, timeout_s=120)[0] == "#123456"
    assert krita.call(steps) == [before[0] + 1, before[1]]
    old = bytes.fromhex(palette[0][1:])[::-1].hex()
    assert krita.call(layer_colours) == sorted({"563412" if colour == old else colour for colour in colours})
