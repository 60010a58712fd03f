"""The section "Hints": a layer of colour hints, and bindings of a region of the sketch to a spot in a reference."""

from __future__ import annotations

from krita_colorize.app.bindings import View
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core import layers as layer_lists
from krita_colorize.core.edits import Binding
from krita_colorize.core.settings import Settings
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets, Signal
from krita_colorize.ui.widgets import Choice, ToolButton, label_for, layer_entries, row, swatch

_PICTURE_HEIGHT = 180
_LIST_HEIGHT = 72


class HintsPanel(QtWidgets.QWidget):
    """Shows and changes the sketch's hints and bindings."""

    def __init__(self, session: Session, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = session.report
        self._session = session
        self._source = ""
        self._init_widgets()
        self._init_layout()
        for signal in (session.document_changed, session.layers_changed, session.settings_changed):
            signal.connect(self.refresh)
        session.bindings.changed.connect(self.refresh)
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows the sketch's hint layer and bindings."""
        model, bindings = self._session.document, self._session.bindings
        settings = model.settings if model else Settings()
        layers = layer_lists.colourable(model.layers) if model else []
        self._hints.show_choice([(tr("None"), ""), *layer_entries(layers)], settings.hints)
        references = [(item.source.name, item.source.key) for item in settings.references]
        if all(key != self._source for _, key in references):
            self._source = references[0][1] if references else ""
        self._reference.show_choice(references or [(tr("No reference"), "")], self._source)
        self._reference.setEnabled(bool(references))
        self._look.setEnabled(bool(references))
        self._picture.setVisible(bindings.view is not None)
        self._picture.show_view(bindings.view, settings.bindings, bindings.spot)
        self._stop.setVisible(bindings.waiting)
        self._say.setText(self._words())
        self._show_bindings(settings.bindings)

    def _words(self) -> str:
        bindings = self._session.bindings
        if bindings.waiting:
            return tr("Now click the region in your sketch.")
        if bindings.view is not None:
            return tr("Click a colour, then the region in your sketch.")
        return tr("“This region like that spot”: show the reference, then click in it.")

    def _show_bindings(self, bound: tuple[Binding, ...]) -> None:
        blocker = QtCore.QSignalBlocker(self._list)
        current = self._list.currentRow()
        self._list.clear()
        for binding in bound:
            item = QtWidgets.QListWidgetItem(tr("Region at {x}, {y}", x=binding.x, y=binding.y))
            colour = self._session.bindings.colour(binding)
            if colour is not None:
                item.setIcon(swatch(colour))
            self._list.addItem(item)
        self._list.setCurrentRow(min(current, len(bound) - 1))
        self._list.setVisible(bool(bound))
        self._remove.setVisible(bool(bound))
        blocker.unblock()

    def _init_widgets(self) -> None:
        self._hints = Choice(
            "hints_combo",
            tr("Colour hints"),
            tr("A layer with dots or strokes of colour: each region gets the colour painted on it."),
        )
        self._hints.chosen.connect(self._on_hints)
        self._create = ToolButton(
            "create_hints_button",
            tr("Create"),
            tr("Make an empty layer above the sketch to paint hints on."),
        )
        self._create.clicked.connect(self._on_create)
        self._reference = Choice(
            "binding_reference_combo",
            tr("Reference to click in"),
            tr("The reference whose colours you choose from."),
        )
        self._reference.chosen.connect(self._on_reference)
        self._look = ToolButton(
            "show_reference_button", tr("Show"), tr("Show this reference for clicking in.")
        )
        self._look.clicked.connect(self._on_look)
        self._picture = SpotPicture()
        self._picture.spotted.connect(self._on_spot)
        self._say = QtWidgets.QLabel()
        self._say.setObjectName("binding_label")
        self._say.setWordWrap(True)
        self._stop = ToolButton("stop_binding_button", tr("Stop"), tr("Don't bind this spot."))
        self._stop.clicked.connect(self._session.bindings.stop)
        self._list = QtWidgets.QListWidget()
        self._list.setObjectName("bindings_list")
        self._list.setAccessibleName(tr("Bindings"))
        self._list.setToolTip(tr("Regions of the sketch that are bound to a colour of a reference."))
        self._list.setFixedHeight(_LIST_HEIGHT)
        self._remove = ToolButton("remove_binding_button", tr("Remove"), tr("Remove the selected binding."))
        self._remove.clicked.connect(self._on_remove)

    def _init_layout(self) -> None:
        form = QtWidgets.QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow(label_for(self._hints, tr("Hint layer")), row(self._hints, self._create))
        form.addRow(label_for(self._reference, tr("Bind to")), row(self._reference, self._look))
        form.addRow(self._picture)
        form.addRow(row(self._say, self._stop))
        form.addRow(row(self._list, self._remove))

    def _model(self) -> DocumentModel | None:
        return self._session.document

    @guarded
    def _on_hints(self, layer_id: str) -> None:
        model = self._model()
        if model is not None:
            model.change(hints=layer_id)

    @guarded
    def _on_create(self) -> None:
        model = self._model()
        if model is not None:
            self._session.job_requests.make_hints(model)

    @guarded
    def _on_reference(self, key: str) -> None:
        self._source = key
        if self._session.bindings.view is not None:
            self._on_look()

    @guarded
    def _on_look(self) -> None:
        model = self._model()
        for item in model.settings.references if model else ():
            if model is not None and item.source.key == self._source:
                self._session.bindings.look_at(model, item.source)

    @guarded
    def _on_spot(self, x: int, y: int) -> None:
        model = self._model()
        if model is not None:
            self._session.bindings.choose_spot(model, x, y)

    @guarded
    def _on_remove(self) -> None:
        model, index = self._model(), self._list.currentRow()
        if model is not None and model.settings.bindings:
            self._session.bindings.remove(model, max(0, index))


class SpotPicture(QtWidgets.QWidget):
    """A reference in which the artist chooses spots with the mouse, or with the arrow keys and Enter. `spotted`
    carries x and y in pixels of the original."""

    spotted = Signal(int, int)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reference_picture")
        self.setAccessibleName(tr("Reference: choose a colour"))
        self.setToolTip(tr("Click a colour, or move the cross with the arrow keys and press Enter."))
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(_PICTURE_HEIGHT)
        self.setCursor(QtCore.Qt.CursorShape.CrossCursor)
        self._view: View | None = None
        self._marks: list[tuple[int, int]] = []
        self._cross = (0, 0)

    def show_view(self, view: View | None, bound: tuple[Binding, ...], spot: tuple[int, int] | None) -> None:
        """Shows a reference with the spots of its bindings and the chosen `spot`."""
        if view is not None and (self._view is None or view.source != self._view.source):
            self._cross = (view.x + view.width // 2, view.y + view.height // 2)
        self._view = view
        key = view.source.key if view is not None else ""
        self._marks = [(one.reference_x, one.reference_y) for one in bound if one.reference == key]
        self._cross = spot or self._cross
        self.update()

    def mousePressEvent(self, event: QtGui.QMouseEvent | None) -> None:
        """Chooses the spot under the pointer."""
        if event is not None and self._view is not None:
            area, view = self._area(), self._view
            at = QtCore.QPointF(event.pos())
            if area.contains(at):
                x = int((at.x() - area.x()) * view.width / area.width())
                y = int((at.y() - area.y()) * view.height / area.height())
                self._choose(min(x, view.width - 1) + view.x, min(y, view.height - 1) + view.y)

    def keyPressEvent(self, event: QtGui.QKeyEvent | None) -> None:
        """Moves the cross with the arrow keys; chooses its spot with Enter and Space."""
        keys, view = QtCore.Qt.Key, self._view
        if event is None or view is None:
            return
        steps = {keys.Key_Left: (-1, 0), keys.Key_Right: (1, 0), keys.Key_Up: (0, -1), keys.Key_Down: (0, 1)}
        step = steps.get(keys(event.key()))
        if step is not None:
            size = max(1, max(view.width, view.height) // 60)
            x = min(view.x + view.width - 1, max(view.x, self._cross[0] + step[0] * size))
            y = min(view.y + view.height - 1, max(view.y, self._cross[1] + step[1] * size))
            self._cross = (x, y)
            self.update()
        elif event.key() in (keys.Key_Return, keys.Key_Enter, keys.Key_Space):
            self._choose(*self._cross)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QtGui.QPaintEvent | None) -> None:
        """Draws the picture with rings around its spots."""
        view = self._view
        if view is None:
            return
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.drawImage(self._area(), view.image)
        for mark in self._marks:
            self._ring(painter, mark, 4)
        self._ring(painter, self._cross, 7)
        if self.hasFocus():
            painter.setPen(QtGui.QPen(self.palette().highlight().color(), 2))
            painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
            painter.drawRect(QtCore.QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _choose(self, x: int, y: int) -> None:
        self._cross = (x, y)
        self.spotted.emit(x, y)

    def _area(self) -> QtCore.QRectF:
        assert self._view is not None
        size = QtCore.QSizeF(self._view.width, self._view.height)
        size.scale(QtCore.QSizeF(self.size()), QtCore.Qt.AspectRatioMode.KeepAspectRatio)
        area = QtCore.QRectF(QtCore.QPointF(0, 0), size)
        area.moveCenter(QtCore.QRectF(self.rect()).center())
        return area

    def _ring(self, painter: QtGui.QPainter, place: tuple[int, int], radius: int) -> None:
        view, area = self._view, self._area()
        assert view is not None
        centre = QtCore.QPointF(
            area.x() + (place[0] - view.x + 0.5) * area.width() / view.width,
            area.y() + (place[1] - view.y + 0.5) * area.height() / view.height,
        )
        for colour, width in (("#ffffff", 3.0), ("#101010", 1.2)):
            painter.setPen(QtGui.QPen(QtGui.QColor(colour), width))
            painter.drawEllipse(centre, radius, radius)
