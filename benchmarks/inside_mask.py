"""Runs inside Krita for `match.py`: how long Krita's own Colorize Mask takes for a drawing and its key strokes."""

import time

from krita import Krita, QImage

from krita_colorize.core.key_strokes import split
from krita_colorize.core.port import Pixels
from krita_colorize.krita_port import colorize_mask, wrappers


def can():
    """Whether this Krita lets others make Colorize Masks."""
    return hasattr(Krita.instance().createDocument(1, 1, "", "RGBA", "U8", "", 72.0), "createColorizeMask")


def fill(sketch, marks):
    """Seconds by the clock and of the processor, from setting the key strokes until the picture shows the colours;
    `held` for as long as setting them alone holds the GUI thread."""
    lines, strokes = _read(sketch), split(_read(marks))
    size = lines.width, lines.height
    document = Krita.instance().createDocument(*size, "", "RGBA", "U8", "", 72.0)
    layer = document.createNode("Lines", "paintlayer")
    layer.setPixelData(lines.data, 0, 0, *size)
    colorize_mask.add(document, layer, "Colorize Mask")
    layer.setVisible(True)
    document.rootNode().addChildNode(layer, None)
    before = _shown(document, size)
    start, used = time.perf_counter(), time.process_time()
    colorize_mask.fill(document.rootNode(), strokes)
    held = time.perf_counter() - start
    while _shown(document, size) == before:
        yield
        document.waitForDone()
        document.refreshProjection()
    seconds = {"clock": time.perf_counter() - start, "cpu": time.process_time() - used, "held": held}
    document.setModified(False)
    document.close()
    return {name: round(value, 3) for name, value in seconds.items()}


def _read(path):
    image = QImage(path).convertToFormat(QImage.Format.Format_ARGB32)
    data = image.constBits().asstring(image.sizeInBytes())
    return Pixels(image.width(), image.height(), data)


def _shown(document, size):
    layer = next(node for node, _ in wrappers.walk(document.rootNode()) if node.type() == "colorizemask")
    return layer.parentNode().projectionPixelData(0, 0, *size).data()
