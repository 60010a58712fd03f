"""Krita's window with the docker on screens of 1280 x 720 and, by a scale of 1.5, 1067 x 667 px."""

import sys

import pytest
from colorizer.krita_host import screen, session
from window_steps import DOCKER, has_result, open_it

pytestmark = [pytest.mark.window, pytest.mark.timeout(400)]

ALWAYS = ["status_label", "cancel_button", "colorize_button", "redo_button", "apply_button"]
EACH_JOB = ["sketch_combo", "reference_list", "add_reference_button", "mode_combo"]


@pytest.fixture(scope="module", params=[(1280, 720, "1", "en"), (1600, 1000, "1.5", "de")], ids=str)
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
    return window.qwindow().screen().geometry().contains(window.qwindow().geometry())


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


def test_below_the_other_dockers_the_window_still_fits(krita):
    least, screen_height = krita.call(least_height_below_the_others)
    assert least <= screen_height
    assert krita.call(unseen, names=ALWAYS) == []
