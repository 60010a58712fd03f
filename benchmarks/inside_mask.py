"""Runs inside Krita for `match.py` and `documents.py`: Krita's own Colorize Mask on a drawing and its key strokes."""

import time

from krita import Krita, QImage

from krita_colorize.core.key_strokes import split
from krita_colorize.core.port import Pixels
from krita_colorize.krita_port import colorize_mask, wrappers


def can():
    """Whether this Krita lets others make Colorize Masks."""
    return hasattr(Krita.instance().createDocument(1, 1, "", "RGBA", "U8", "", 72.0), "createColorizeMask")


def fill(sketch, marks, out=""):
    """Seconds by the clock and of the processor, from setting the key strokes until the picture shows the colours;
    `held` for as long as that alone holds the GUI thread. The colours are written to `out`."""
    lines, strokes = _read(sketch), split(_read(marks))
    size = lines.width, lines.height
    document = Krita.instance().createDocument(*size, "", "RGBA", "U8", "", 72.0)
    layer = document.createNode("Lines", "paintlayer")
    layer.setPixelData(lines.data, 0, 0, *size)
    colorize_mask.add(document, layer, "Colorize Mask")
    layer.setVisible(True)
    document.rootNode().addChildNode(layer, None)
    settled = time.perf_counter() + colorize_mask.SETTLED_MS / 1000
    while time.perf_counter() < settled:
        yield
    before = _shown(document, size)
    start, used = time.perf_counter(), time.process_time()
    colorize_mask.set_key_strokes(document.rootNode(), strokes)
    _mask(document).updateMask(True)
    held = time.perf_counter() - start
    while _shown(document, size) == before:
        yield
        document.waitForDone()
        document.refreshProjection()
    seconds = {"clock": time.perf_counter() - start, "cpu": time.process_time() - used, "held": held}
    if out:
        # Krita shows a mask behind its layer, or multiplied where that is opaque: paper would hide or tint the colours.
        _mask(document).setBlendingMode("normal")
        for _ in range(20):
            yield
            document.waitForDone()
            document.refreshProjection()
        QImage(_shown(document, size), *size, QImage.Format.Format_ARGB32).save(out)
    document.setModified(False)
    document.close()
    return {name: round(value, 3) for name, value in seconds.items()}


def _read(path):
    image = QImage(path).convertToFormat(QImage.Format.Format_ARGB32)
    data = image.constBits().asstring(image.sizeInBytes())
    return Pixels(image.width(), image.height(), data)


def _shown(document, size):
    return _mask(document).parentNode().projectionPixelData(0, 0, *size).data()


def _mask(document):
    return next(node for node, _ in wrappers.walk(document.rootNode()) if node.type() == "colorizemask")
