"""Shows a picture over the canvas without changing the document: previews need no layer and no undo step.

It is a transparent child widget of the canvas, painted at the picture's position at any zoom and scroll position. It is
hidden on a rotated, mirrored or wrapped canvas, and over another document.
"""

from __future__ import annotations

from krita import Document, View, Window

from krita_colorize.krita_port import canvas as canvases
from krita_colorize.krita_port import wrappers
from krita_colorize.krita_port.view import is_straight, lies
from krita_colorize.qt import QtCore, QtGui, QtWidgets


class Overlay:
    """The overlay of one window."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._sheet: _Sheet | None = None
        self._shown: tuple[Document, QtGui.QImage, float, QtCore.QRectF | None] | None = None

    def show(
        self, document: Document, png: bytes, opacity: float = 1.0, box: QtCore.QRectF | None = None
    ) -> bool:
        """Shows a PNG with an opacity of 0..1, stretched over the whole canvas of `document` or over a box of it (image
        pixels); returns False if that isn't possible."""
        self.hide()
        image = QtGui.QImage.fromData(png)
        if image.isNull():
            return False
        self._shown = document, image, opacity, box
        return self._lay(*self._shown)

    def _lay(
        self, document: Document, image: QtGui.QImage, opacity: float, box: QtCore.QRectF | None
    ) -> bool:
        area = canvases.scroll_area(self._window)
        canvas = canvases.canvas_widget(self._window)
        view = self._window.activeView()
        if area is None or canvas is None or view is None:
            return False
        if view.document() != document:
            return False
        self._sheet = _Sheet(canvas, area, view, document, image, opacity, box)
        return self._sheet.place()

    def hide(self) -> None:
        """Hides the picture."""
        self._shown = None
        self._drop()

    def _drop(self) -> None:
        if self._sheet is not None and not wrappers.gone(self._sheet):
            self._sheet.hide()
            self._sheet.setParent(None)
            self._sheet.deleteLater()
        self._sheet = None

    def follow(self) -> None:
        """Updates the picture's position; called regularly, because Krita has no signal for a moved view."""
        if self._shown is None:
            return
        view = self._window.activeView()
        current = view.document() if view is not None else None
        document, sheet = self._shown[0], self._sheet
        if sheet is not None and wrappers.gone(sheet):
            sheet = None
        if current != document or document not in wrappers.documents():
            if sheet is not None:
                sheet.hide()
        elif sheet is None or sheet.parentWidget() is not canvases.canvas_widget(self._window):
            self._drop()  # the document is now shown in another view
            self._lay(*self._shown)
        else:
            sheet.place()


class _Sheet(QtWidgets.QWidget):
    """The transparent widget over the canvas that paints the picture."""

    def __init__(
        self,
        canvas: QtWidgets.QWidget,
        area: QtWidgets.QAbstractScrollArea,
        view: View,
        document: Document,
        image: QtGui.QImage,
        opacity: float,
        box: QtCore.QRectF | None,
    ) -> None:
        super().__init__(canvas)
        self.document = document
        self._area = area
        self._view = view
        self._image = image
        self._opacity = opacity
        self._box = box
        self._placed: tuple[float, ...] = ()
        self.setObjectName("colorize_overlay" if box is None else "colorize_patch")
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        canvas.installEventFilter(self)

    def place(self) -> bool:
        """Covers the canvas, or hides itself if the canvas isn't straight; returns whether it is shown."""
        canvas = self._view.canvas()
        parent = self.parentWidget()
        if parent is None or not is_straight(canvas):
            self.hide()
            return False
        target = self.target()
        placed = (target.x(), target.y(), target.width(), target.height(), parent.width(), parent.height())
        if placed != self._placed or self.isHidden():
            self._placed = placed
            self.setGeometry(0, 0, parent.width(), parent.height())
            self.show()
            self.raise_()
            self.update()
        return True

    def target(self) -> QtCore.QRectF:
        """The picture's rectangle on the canvas widget (logical pixels)."""
        whole = lies(self._area, self._view, self.document)
        if self._box is None:
            return whole
        across, down = whole.width() / self.document.width(), whole.height() / self.document.height()
        corner = QtCore.QPointF(self._box.x() * across, self._box.y() * down)
        return QtCore.QRectF(
            whole.topLeft() + corner, QtCore.QSizeF(self._box.width() * across, self._box.height() * down)
        )

    def paintEvent(self, _event: QtGui.QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paints the picture at the document's position."""
        painter = QtGui.QPainter(self)
        painter.setOpacity(self._opacity)
        smooth = self.target().width() < self._image.width() * 2
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(self.target(), self._image)
        painter.end()

    def eventFilter(  # noqa: N802 - Qt's name
        self, _watched: QtCore.QObject | None, event: QtCore.QEvent | None
    ) -> bool:
        """Follows the canvas when it is resized or painted; doesn't block any events."""
        if event is not None and event.type() in (QtCore.QEvent.Type.Resize, QtCore.QEvent.Type.Paint):
            QtCore.QTimer.singleShot(0, self._follow)
        return False

    def _follow(self) -> None:
        if not wrappers.gone(self) and not self.isHidden() and self.document in wrappers.documents():
            self.place()
