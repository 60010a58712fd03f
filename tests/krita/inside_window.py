"""Runs inside Krita with a window: opening documents, looking at the undo history and at the screen."""

import time

import inside
from krita import Krita, QPoint, QWidget

from krita_colorize.krita_port import canvas, wrappers
from krita_colorize.krita_port.port import LibKisPort

globals().update({name: value for name, value in vars(inside).items() if not name.startswith("_")})

window = Krita.instance().activeWindow()
port = LibKisPort(window)
changes = []
port.watch(lambda change: changes.append(change.value))


def show(document):
    """Gives a document a view and lets it come up; use with `yield from`. Returns its key."""
    window.addView(document)
    yield from ticks(20)
    return port.active_document().key


def ticks(count):
    """Lets Krita work for a while (15 ms each)."""
    for _ in range(count):
        yield


def until(condition, patience_s=30):
    """Lets Krita work until a condition holds or time is up; use with `yield from`."""
    end = time.monotonic() + patience_s
    while not condition() and time.monotonic() < end:
        yield


def close_all():
    """Closes every document without asking."""
    for document in wrappers.documents():
        document.waitForDone()
        document.setModified(False)
        document.close()
    yield from ticks(10)


def undo_steps():
    """Rows of the Undo History docker, as texts; the first one is the document as it was opened."""
    model = canvas.history_model(window)
    return [model.data(model.index(row, 0)) for row in range(model.rowCount())]


def strokes():
    """How many brush strokes there are in the undo history."""
    return sum("Brush Stroke" in step for step in undo_steps())


def trigger(action):
    """Runs one of Krita's actions."""
    Krita.instance().action(action).trigger()


def screen_point(document, x, y):
    """Where a point of the picture is on the screen, by the canvas's own numbers."""
    view = window.activeView()
    scale = view.canvas().zoomLevel() * 72 / document.resolution()
    area = canvas.scroll_area(window)
    bars = area.horizontalScrollBar().value(), area.verticalScrollBar().value()
    widget = canvas.canvas_widget(window)
    point = widget.mapToGlobal(QPoint(round(x * scale - bars[0]), round(y * scale - bars[1])))
    return [point.x(), point.y()]


def screen_colour(x, y):
    """What the screen shows at a point: R, G, B."""
    screen = window.qwindow().screen()
    colour = screen.grabWindow(0, x, y, 1, 1).toImage().pixelColor(0, 0)
    return [colour.red(), colour.green(), colour.blue()]


def widget(name):
    """A widget of the docker by its Qt object name, or the overlay; looking through all of Krita's would take long."""
    dock = next(d for d in Krita.instance().dockers() if d.objectName() == "colorize_docker")
    place = canvas.canvas_widget(window) if name == "colorize_overlay" else dock
    return place.findChild(QWidget, name) if place is not None else None
