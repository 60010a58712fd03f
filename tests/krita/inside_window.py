"""Runs inside Krita with a window: opening documents, looking at the undo history and at the screen.

Places on the screen are in its own pixels, as the X server counts them: on a HiDPI screen these are not Qt's.
"""

import time

import inside
from krita import Krita, QApplication, QBuffer, QColor, QImage, QIODevice, QPainter, QPoint, QRect, QWidget

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


def screen_image():
    """The whole screen, one pixel each."""
    image = window.qwindow().screen().grabWindow(0).toImage().convertToFormat(QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(1.0)
    return image


def screen_colour(x, y):
    """What the screen shows at a point: R, G, B."""
    colour = screen_image().pixelColor(x, y)
    return [colour.red(), colour.green(), colour.blue()]


def canvas_on_screen():
    """The rectangle of the canvas on the screen."""
    shown = canvas.canvas_widget(window)
    ratio, corner = shown.devicePixelRatioF(), shown.mapToGlobal(QPoint(0, 0))
    numbers = (corner.x(), corner.y(), shown.width(), shown.height())
    return QRect(*(round(number * ratio) for number in numbers)).intersected(screen_image().rect())


def picture_on_screen():
    """The rectangle of the picture on the screen: where the canvas's border ends on the lines through its middle."""
    image, area = screen_image(), canvas_on_screen()
    across = [image.pixel(x, area.center().y()) for x in range(area.left(), area.right() + 1)]
    down = [image.pixel(area.center().x(), y) for y in range(area.top(), area.bottom() + 1)]
    (left, right), (top, bottom) = _inner(across), _inner(down)
    return QRect(area.left() + left, area.top() + top, right - left, bottom - top)


def _inner(line, outline=8):
    """The part of a line of the canvas without the border at both ends; something thin on it is the brush's outline."""
    border = max(set(line[:outline]), key=line[:outline].count)

    def thickness(pixels):
        return next(i for i in range(len(pixels)) if border not in pixels[i : i + outline])

    return thickness(line), len(line) - thickness(line[::-1])


def screen_point(document, x, y):
    """Where a pixel of the picture is on the screen, by what that shows; all of the picture has to be in sight."""
    ratio = canvas.canvas_widget(window).devicePixelRatioF()
    zoom = window.activeView().canvas().zoomLevel()
    # Krita takes a moment to draw a new zoom level, which not every Krita means in the same way.
    scales = [zoom * ratio * 72 / document.resolution(), zoom]
    end = time.monotonic() + 20
    while True:
        shown = picture_on_screen()
        size = (shown.width(), shown.height())
        wanted = [(document.width() * scale, document.height() * scale) for scale in scales]
        if any(max(abs(a - b) for a, b in zip(size, one, strict=True)) <= 1.5 for one in wanted):
            break
        if time.monotonic() > end:
            raise LookupError(f"the screen shows a picture of {size}, not one of {wanted}")
        QApplication.processEvents()
    place = [(x + 0.5) * shown.width() / document.width(), (y + 0.5) * shown.height() / document.height()]
    return [shown.left() + int(place[0]), shown.top() + int(place[1])]


QUADRANTS = ((250, 250, 0), (0, 120, 0), (0, 0, 90), (240, 0, 240))


def quadrants(width, height, colours=QUADRANTS):
    """A picture of four colours in reading order."""
    image = QImage(width, height, QImage.Format.Format_ARGB32)
    painter = QPainter(image)
    for number, colour in enumerate(colours):
        corner = QPoint(number % 2 * width // 2, number // 2 * height // 2)
        painter.fillRect(QRect(corner, image.size() / 2), QColor(*colour))
    painter.end()
    return image


def bgra(image):
    """A picture's bytes as `setPixelData` takes them."""
    return image.constBits().asstring(image.width() * image.height() * 4)


def png(image):
    """A picture as a PNG file's bytes."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "png")
    return bytes(buffer.data())


def meeting_point(colours=QUADRANTS, beside=20):
    """Where the screen shows four quadrants meet: x above and below, y left and right; None where it shows others."""
    image, area = screen_image(), canvas_on_screen()
    middle, found = area.center(), []
    for first, second, step in ((0, 1, -beside), (2, 3, beside), (0, 2, -beside), (1, 3, beside)):
        if second == first + 1:
            line = [(x, middle.y() + step) for x in range(middle.x() - 60, middle.x() + 61)]
        else:
            line = [(middle.x() + step, y) for y in range(middle.y() - 60, middle.y() + 61)]
        seen = [image.pixelColor(*place).getRgb()[:3] for place in line]
        if seen[0] != tuple(colours[first]) or seen[-1] != tuple(colours[second]):
            return None
        border = next(
            i for i, one in enumerate(seen) if _far(one, colours[first]) > _far(one, colours[second])
        )
        found.append(line[border][0 if second == first + 1 else 1])
    return found


def _far(one, other):
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))


def widget(name):
    """A widget of the docker by its Qt object name, or the overlay; looking through all of Krita's would take long."""
    dock = next(d for d in Krita.instance().dockers() if d.objectName() == "colorize_docker")
    place = canvas.canvas_widget(window) if name == "colorize_overlay" else dock
    return place.findChild(QWidget, name) if place is not None else None
