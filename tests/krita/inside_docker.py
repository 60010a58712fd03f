"""Runs inside Krita with the docker: a drawing to colour, and what the docker shows and holds."""

import inside_window
from krita import QBrush, QColor, QImage, QPainter, QPen, QRectF, Qt

globals().update({name: value for name, value in vars(inside_window).items() if not name.startswith("_")})

SIDE = 240


def picture(paint, side=SIDE):
    """A clear picture that `paint(painter)` has drawn on, as BGRA bytes."""
    image = QImage(side, side, QImage.Format.Format_ARGB32)
    image.fill(QColor(0, 0, 0, 0))
    painter = QPainter(image)
    painter.scale(side / SIDE, side / SIDE)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint(painter)
    painter.end()
    return image.constBits().asstring(side * side * 4)


def ink(painter):
    """A house with a door, a roof and a sun."""
    painter.setPen(QPen(QColor(0, 0, 0), 4))
    painter.drawRect(QRectF(60, 110, 120, 110))
    painter.drawPolyline(
        *[inside_window.QPoint(x, y) for x, y in ((40, 110), (120, 40), (200, 110), (40, 110))]
    )
    painter.drawRect(QRectF(105, 160, 30, 60))
    painter.drawEllipse(QRectF(190, 15, 36, 36))


def colours(painter):
    """The same house painted."""
    painter.fillRect(0, 0, SIDE, SIDE, QColor(150, 200, 240))
    painter.setBrush(QBrush(QColor(220, 180, 120)))
    painter.drawRect(QRectF(60, 110, 120, 110))
    painter.setBrush(QBrush(QColor(190, 60, 50)))
    painter.drawPolygon(*[inside_window.QPoint(x, y) for x, y in ((40, 110), (120, 40), (200, 110))])
    painter.setBrush(QBrush(QColor(90, 60, 40)))
    painter.drawRect(QRectF(105, 160, 30, 60))
    painter.setBrush(QBrush(QColor(250, 220, 90)))
    painter.drawEllipse(QRectF(190, 15, 36, 36))


def open_drawing(space="RGBA U8", side=SIDE):
    """Shows a document with Paper, Reference (hidden) and Ink, Ink selected; use with `yield from`; returns both."""
    document, _ = new_document(space, side, side)
    find(document, "Lines").setName("Paper")
    white = b"\xff" * (side * side * 4)
    for name, data in (("Paper", white), ("Reference", picture(colours, side)), ("Ink", picture(ink, side))):
        node = document.createNode(name, "paintlayer")
        if space != "RGBA U8":
            node.setColorSpace(*SPACES["RGBA U8"])
        node.setPixelData(data, 0, 0, side, side)
        if space != "RGBA U8":
            node.setColorSpace(document.colorModel(), document.colorDepth(), document.colorProfile())
        if name == "Paper":
            find(document, "Paper").remove()
        document.rootNode().addChildNode(node, None)
    find(document, "Reference").setVisible(False)
    document.refreshProjection()
    key = yield from show(document)
    document.setActiveNode(find(document, "Ink"))
    document.setModified(False)
    yield from ticks(20)
    return document, key


def document():
    """The open document."""
    return window.activeView().document()


def session():
    """The docker's session."""
    return next(d for d in Krita.instance().dockers() if d.objectName() == "colorize_docker").widget().session


def hide_other_dockers():
    """Leaves the right side to the layers and the docker."""
    docks = {d.objectName(): d for d in Krita.instance().dockers()}
    for name in ("ColorSelectorNg", "PresetDocker", "sharedtooldocker"):
        docks[name].hide()
    both = [docks["KisLayerBox"], docks["colorize_docker"]]
    window.qwindow().resizeDocks(both, [220, 700], Qt.Orientation.Vertical)


def docker_state():
    """What the docker shows."""
    bar, error, button = widget("progress_bar"), widget("error_label"), widget("backend_button")
    overlay = widget("colorize_overlay")
    return {
        "status": widget("status_label").text(),
        "error": error.text() if error.isVisible() else "",
        "progress": bar.value() / bar.maximum() if bar.isVisible() else 0.0,
        "button": button.text(),
        "results": widget("results_list").count(),
        "overlay": overlay is not None and overlay.isVisible(),
        "mode": widget("mode_combo").currentData(),
        "busy": session().job is not None,
    }


def group():
    """The newest result group, None where there is none."""
    nodes = [n for n in wrappers.children(document().rootNode()) if n.name().startswith("Colorized")]
    return nodes[-1] if nodes else None
