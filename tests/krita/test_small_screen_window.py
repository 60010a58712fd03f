"""Krita's window with the docker on screens of 1280 x 720 and, by a scale of 1.5, 1067 x 667 px, at four scales."""

import sys

import pytest
from colorizer_lab.krita import pointer, screen, session
from window_steps import DOCKER, has_result, open_it

pytestmark = [pytest.mark.window, pytest.mark.timeout(400)]

ALWAYS = ["status_label", "cancel_button", "colorize_button", "redo_button", "apply_button"]
EACH_JOB = ["sketch_combo", "reference_list", "add_reference_button", "mode_combo"]


SCREENS = [
    (1280, 720, "1", "en"),
    (1600, 900, "1.25", "fr"),
    (1600, 1000, "1.5", "de"),
    (2560, 1440, "2", "en"),
]
"""Width and height in the screen's own px, scale, language."""


@pytest.fixture(scope="module", params=SCREENS, ids=lambda screen: screen[2])
def krita(request, display, keeper):
    width, height, scale, language = request.param
    variables = {"QT_SCALE_FACTOR": scale, "LANGUAGE": language}
    backend = [sys.executable, "-m", "colorizer", "serve"]
    with screen.virtual_screen(width, height) as small:
        kept = keeper(lambda: session.windowed(small, backend=backend, variables=variables), DOCKER)
        for one in kept:
            yield one.get()


def maximize():
    window.qwindow().showMaximized()
    yield from ticks(40)


def switch(on):
    frame().setVisible(on)
    frame().raise_()
    yield from ticks(20)
    return window.qwindow().minimumSizeHint().height()


def frame():
    return next(d for d in Krita.instance().dockers() if d.objectName() == "colorize_docker")


def fits_the_screen():
    """But for half a pixel at scale 2."""
    screen = window.qwindow().screen().geometry().adjusted(0, 0, 1, 1)
    return screen.contains(window.qwindow().geometry())


def colour():
    model = session().document
    ids = {layer.name: layer for layer in model.layers}
    model.choose_sketch(ids["Ink"].id)
    session().references.add_layer(model, ids["Reference"])
    session().colorize()


def unseen(names):
    """Those that aren't seen whole."""
    yield from ticks(20)
    return [name for name in names if widget(name).visibleRegion().boundingRect() != widget(name).rect()]


def least_height_below_the_others():
    main, dock = window.qwindow(), frame()
    main.removeDockWidget(dock)
    main.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    dock.show()
    yield from ticks(20)
    assert main.tabifiedDockWidgets(dock) == []
    return [main.minimumSizeHint().height(), main.screen().availableGeometry().height()]


def test_all_that_a_job_needs_is_seen_beside_its_result(krita):
    krita.define(frame)
    krita.call(maximize)
    krita.call(open_it)
    krita.call(colour)
    krita.wait_until(has_result, timeout_s=240)
    assert krita.call(fits_the_screen)
    assert krita.call(unseen, names=ALWAYS + EACH_JOB) == []


def test_the_docker_with_a_result_asks_for_no_height_of_the_window(krita):
    shown, hidden, again = (krita.call(switch, on=on) for on in (True, False, True))
    assert [shown, again] == [hidden, hidden]


def show_error(text):
    session().report(text)
    yield from ticks(20)
    label = widget("error_label")
    label.selectAll()
    return [
        label.textCursor().selectedText(),
        label.visibleRegion().boundingRect().height() > label.fontMetrics().lineSpacing(),
        label.verticalScrollBar().maximum() > 0,
        window.qwindow().minimumSizeHint().height(),
    ]


def clear_error():
    session().report("")


def test_an_error_of_any_length_can_be_read(krita):
    before = krita.call(switch, on=True)
    long = "/folder" * 600
    text, seen, scrolls, height = krita.call(show_error, text=long)
    assert (text, seen, scrolls, height) == (long, True, True, before)
    krita.call(clear_error)


def open_palette():
    widget("pages").setCurrentIndex(1)
    widget("palette_section").setChecked(True)
    window.activeView().canvas().setZoomLevel(1.0)
    yield from ticks(30)


def roof_swatch():
    """Where the swatch of the roof's colour is on the screen, None while the colours aren't known; and the roof."""
    swatches, where = widget("palette_list"), session().swatches.map
    if where is None:
        return None
    for row in range(swatches.count()):
        if swatches.item(row).toolTip().startswith(where.at(120, 80)):
            swatches.scrollToItem(swatches.item(row))
            at = swatches.viewport().mapToGlobal(swatches.visualItemRect(swatches.item(row)).center())
            ratio = swatches.devicePixelRatioF()
            at = [round(at.x() * ratio), round(at.y() * ratio)]
            return [at, screen_point(document(), 120, 80), screen_point(document(), 20, 20)]
    return None


def colours_at(points):
    yield from ticks(60)
    return [screen_colour(*point) for point in points]


def chosen_colours():
    return [item.toolTip().split()[0] for item in widget("palette_list").selectedItems()]


def test_a_swatch_lights_its_regions_and_a_click_finds_it(krita):
    krita.call(open_palette)
    swatch, roof, sky = krita.wait_until(roof_swatch, timeout_s=120)
    _, sky_before = krita.call(colours_at, points=[roof, sky])
    krita.xdotool("mousemove", swatch[0] - 4, swatch[1], "sleep", 0.2, "mousemove", *swatch)
    roof_lit, sky_lit = krita.call(colours_at, points=[roof, sky])
    assert sum(sky_lit) < 0.6 * sum(sky_before)
    assert max(abs(a - b) for a, b in zip(roof_lit, (190, 60, 50), strict=True)) < 8
    krita.xdotool("mousemove", *sky, "sleep", 0.6)  # the swatch's tooltip may lie over the button
    pointer.click(krita, "find_colour_button")
    krita.xdotool("mousemove", *roof, "sleep", 0.2, "click", 1)
    assert krita.wait_until(chosen_colours, timeout_s=30) == ["#be3c32"]
    pointer.click(krita, "find_colour_button")


def test_below_the_other_dockers_the_window_still_fits(krita):
    least, screen_height = krita.call(least_height_below_the_others)
    assert least <= screen_height
    assert krita.call(unseen, names=ALWAYS) == []
