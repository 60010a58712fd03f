"""The docker's small widgets: combo boxes of layers, buttons, labels, rows. They don't know the session."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from krita_colorize.core.port import LayerInfo
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets, Signal

Icons = Callable[[str], QtGui.QIcon]
"""Returns Krita's icon of a name; a null icon if there is none."""

_TOOLTIP = "own_tooltip"  # the property with a disabled control's own tooltip

_WIDEST_LIST = 600  # px
FRAME = 2  # px, around a selected picture in a list
_DIM = 0.35  # opacity of a disabled icon

Entry = tuple[str, str]
"""An entry of a combo box: its text and its user data."""


def no_icons(name: str) -> QtGui.QIcon:  # noqa: ARG001 - the signature of `Icons`
    """Returns null icons, for use outside Krita."""
    return QtGui.QIcon()


class Choice(QtWidgets.QComboBox):
    """A combo box with strings as user data. `chosen` carries the user data when the artist chooses, not after
    `show_choice`."""

    chosen = Signal(str)

    def __init__(self, name: str, title: str, tooltip: str, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setToolTip(tooltip)
        # Long layer names must not widen the docker.
        self.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(1)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._entries: list[Entry] = []
        self.currentIndexChanged.connect(self._on_current_index_changed)

    def show_choice(self, entries: Sequence[Entry], current: str, missing: str = "") -> None:
        """Shows these entries, with the one selected whose user data is `current`. If there is none, an entry with the
        text `missing` is added."""
        shown = list(entries)
        if all(data != current for _, data in shown):
            shown.append((missing or tr("(no longer there)"), current))
        blocker = QtCore.QSignalBlocker(self)
        if shown != self._entries:  # rebuilding would close an open list
            self._entries = shown
            self.clear()
            for text, data in shown:
                self.addItem(text, data)
        self.setCurrentIndex(self.findData(current))
        blocker.unblock()

    def set_enabled_entries(self, enabled: Callable[[str], bool]) -> None:
        """Disables the entries for whose user data `enabled` returns False."""
        model = self.model()
        assert isinstance(model, QtGui.QStandardItemModel)
        for row in range(self.count()):
            item = model.item(row)
            assert item is not None
            item.setEnabled(enabled(str(self.itemData(row))))

    def showPopup(self) -> None:
        """Opens the list with the width of its longest text, up to `_WIDEST_LIST`."""
        view = self.view()
        assert view is not None
        bar = view.verticalScrollBar()
        assert bar is not None
        view.setMinimumWidth(min(_WIDEST_LIST, view.sizeHintForColumn(0) + bar.sizeHint().width() + 8))
        super().showPopup()

    def event(self, event: QtCore.QEvent | None) -> bool:
        """Shows the whole text of the chosen entry above the tooltip, because it may be elided in the box."""
        if isinstance(event, QtGui.QHelpEvent) and event.type() == QtCore.QEvent.Type.ToolTip:
            QtWidgets.QToolTip.showText(event.globalPos(), f"{self.currentText()}\n\n{self.toolTip()}", self)
            return True
        return super().event(event)

    def wheelEvent(self, event: QtGui.QWheelEvent | None) -> None:
        """Ignores the wheel, so that scrolling the docker doesn't change the choice."""
        if event is not None:
            event.ignore()

    def paintEvent(self, _event: QtGui.QPaintEvent | None) -> None:
        """Draws the box with an elided text; Qt 5 would cut it off."""
        painter, option = QtWidgets.QStylePainter(self), QtWidgets.QStyleOptionComboBox()
        self.initStyleOption(option)
        style = self.style()
        assert style is not None
        field = style.subControlRect(
            QtWidgets.QStyle.ComplexControl.CC_ComboBox,
            option,
            QtWidgets.QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        right = QtCore.Qt.TextElideMode.ElideRight
        option.currentText = self.fontMetrics().elidedText(option.currentText, right, field.width() - 2)
        painter.drawComplexControl(QtWidgets.QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _on_current_index_changed(self, index: int) -> None:
        self.chosen.emit(str(self.itemData(index)))


def picture_icon(image: QtGui.QImage) -> QtGui.QIcon:
    """An icon that isn't tinted by the style when it is selected."""
    pixmap = QtGui.QPixmap.fromImage(image)
    icon = QtGui.QIcon(pixmap)
    icon.addPixmap(pixmap, QtGui.QIcon.Mode.Selected)
    return icon


def with_dim(icon: QtGui.QIcon, size: QtCore.QSize) -> QtGui.QIcon:
    """An icon with a visibly dimmed picture for disabled controls, which Krita's icons don't have in dark themes."""
    pixmap = icon.pixmap(size)
    dim = QtGui.QPixmap(pixmap.size())
    dim.setDevicePixelRatio(pixmap.devicePixelRatio())
    dim.fill(QtCore.Qt.GlobalColor.transparent)
    painter = QtGui.QPainter(dim)
    painter.setOpacity(_DIM)
    painter.drawPixmap(0, 0, pixmap)
    painter.end()
    both = QtGui.QIcon(icon)
    both.addPixmap(dim, QtGui.QIcon.Mode.Disabled)
    return both


def swatch(colour: QtGui.QColor, side: int = 16, *, locked: bool = False) -> QtGui.QIcon:
    """A square icon of one colour, `side` pixels wide; a locked one has a dot."""
    pixmap = QtGui.QPixmap(side, side)
    pixmap.fill(colour)
    painter = QtGui.QPainter(pixmap)
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    painter.setPen(QtGui.QColor(128, 128, 128))
    painter.drawRect(0, 0, side - 1, side - 1)
    if locked:
        painter.setBrush(QtGui.QColor("#ffffff"))
        painter.setPen(QtGui.QColor("#000000"))
        painter.drawEllipse(QtCore.QPointF(side * 0.72, side * 0.28), side * 0.16, side * 0.16)
    painter.end()
    return picture_icon(pixmap.toImage())


def layer_entries(layers: Sequence[LayerInfo]) -> list[Entry]:
    """Entries of a combo box for layers, indented as in the Layers docker."""
    top = min((layer.depth for layer in layers), default=0)
    return [("    " * (layer.depth - top) + layer.name, layer.id) for layer in layers]


class PictureAlone(QtWidgets.QStyledItemDelegate):
    """Draws items of a list as their icons only, with a frame around selected ones; the name is in the tooltip."""

    def __init__(self, side: int, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self._side = side

    def paint(
        self,
        painter: QtGui.QPainter | None,
        option: QtWidgets.QStyleOptionViewItem,
        index: QtCore.QModelIndex,
    ) -> None:
        """Draws an item."""
        if painter is None:
            return
        icon = index.data(QtCore.Qt.ItemDataRole.DecorationRole)
        if isinstance(icon, QtGui.QIcon):
            icon.paint(painter, option.rect.adjusted(FRAME, FRAME, -FRAME, -FRAME))
        if option.state & QtWidgets.QStyle.StateFlag.State_Selected:
            painter.setPen(QtGui.QPen(option.palette.highlight(), FRAME))
            painter.drawRect(option.rect.adjusted(1, 1, -1, -1))
        if option.state & QtWidgets.QStyle.StateFlag.State_HasFocus:
            painter.setPen(QtGui.QPen(option.palette.text(), 1, QtCore.Qt.PenStyle.DotLine))
            painter.drawRect(option.rect.adjusted(FRAME, FRAME, -FRAME - 1, -FRAME - 1))

    def sizeHint(self, _option: QtWidgets.QStyleOptionViewItem, _index: QtCore.QModelIndex) -> QtCore.QSize:
        """The size of the icon with its frame."""
        side = self._side + 2 * FRAME
        return QtCore.QSize(side, side)


class ElidedLabel(QtWidgets.QLabel):
    """A label of one line that is elided if it is too long; `text` returns the whole text."""

    def minimumSizeHint(self) -> QtCore.QSize:
        """Any width, and the height of one line."""
        return QtCore.QSize(1, super().minimumSizeHint().height())

    def sizeHint(self) -> QtCore.QSize:
        """The same as `minimumSizeHint`, so that the label gets the width that its neighbours leave."""
        return self.minimumSizeHint()

    def paintEvent(self, _event: QtGui.QPaintEvent | None) -> None:
        """Draws the elided text."""
        painter, area = QtGui.QPainter(self), self.contentsRect()
        right = QtCore.Qt.TextElideMode.ElideRight
        shown = self.fontMetrics().elidedText(self.text(), right, area.width())
        left = QtGui.QTextOption(QtCore.Qt.AlignmentFlag.AlignVCenter)
        left.setWrapMode(QtGui.QTextOption.WrapMode.NoWrap)
        painter.setPen(self.palette().color(QtGui.QPalette.ColorRole.WindowText))
        painter.drawText(QtCore.QRectF(area), shown, left)
        painter.end()


class ActionButton(QtWidgets.QPushButton):
    """A button that may be as narrow as its text; styles have a minimum of 80 px."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Preferred, QtWidgets.QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QtCore.QSize:
        """The width of the text with a small padding."""
        size = super().minimumSizeHint()
        return QtCore.QSize(self.fontMetrics().horizontalAdvance(self.text()) + 12, size.height())


def row(*widgets: QtWidgets.QWidget, stretch: int = 0) -> QtWidgets.QHBoxLayout:
    """A layout of widgets side by side. The one with the index `stretch` gets the remaining width; none does with
    -1."""
    layout = QtWidgets.QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for index, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if index == stretch else 0)
    if stretch < 0:
        layout.addStretch(1)
    return layout


def column(*widgets: QtWidgets.QWidget) -> QtWidgets.QVBoxLayout:
    """A layout of widgets below each other. In it a hidden widget takes no space, which it does in a row of a form."""
    layout = QtWidgets.QVBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget)
    return layout


def words_label(name: str, text: str = "", *, bold: bool = False) -> QtWidgets.QLabel:
    """A label whose text wraps and can be selected."""
    label = QtWidgets.QLabel(text)
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    flags = QtCore.Qt.TextInteractionFlag
    selectable = flags.TextSelectableByMouse | flags.TextSelectableByKeyboard
    label.setTextInteractionFlags(selectable)  # type: ignore[arg-type, unused-ignore] # PyQt5's stub says int
    label.setMinimumWidth(1)  # otherwise its minimum width is that of its longest line
    if bold:
        font = label.font()
        font.setBold(True)
        label.setFont(font)
    return label


def allow(widget: QtWidgets.QWidget, *, when: bool, why_not: str) -> None:
    """Enables a control, or disables it and adds the reason to its tooltip."""
    if widget.property(_TOOLTIP) is None:
        widget.setProperty(_TOOLTIP, widget.toolTip())
    own = str(widget.property(_TOOLTIP))
    widget.setEnabled(when)
    widget.setToolTip(own if when else f"{own}\n{why_not}".strip())


def label_for(field: QtWidgets.QWidget, title: str) -> QtWidgets.QLabel:
    """The label of a field in a form, with the field as its buddy for screen readers and Alt with a letter."""
    label = QtWidgets.QLabel(title)
    label.setToolTip(field.toolTip())
    label.setBuddy(field)
    return label


def push_button(name: str, text: str, slot: Callable[[], None]) -> QtWidgets.QPushButton:
    """A button of a window that Enter in a field doesn't press."""
    button = QtWidgets.QPushButton(text)
    button.setObjectName(name)
    button.setAutoDefault(False)
    button.clicked.connect(lambda: slot())  # a slot takes no `checked`
    return button


_MENU_ARROW = 8  # px


class ToolButton(QtWidgets.QToolButton):
    """A small button. With one of Krita's icons, which change with the theme, its text is only for screen readers."""

    def __init__(
        self, name: str, text: str, tooltip: str, *, icons: Icons = no_icons, icon: str = ""
    ) -> None:
        super().__init__()
        self._icons = icons
        self._icon_name = icon
        self.setObjectName(name)
        self.setText(text)
        self.setAccessibleName(text)
        self.setToolTip(tooltip)
        self._show_icon()

    def sizeHint(self) -> QtCore.QSize:
        """The usual size, with additional width for the arrow of a menu, which Qt draws over the text."""
        size = super().sizeHint()
        return size + QtCore.QSize(_MENU_ARROW, 0) if self.menu() is not None else size

    def changeEvent(self, event: QtCore.QEvent | None) -> None:
        """Updates the icon when the theme changes."""
        super().changeEvent(event)
        if event is not None and event.type() == QtCore.QEvent.Type.PaletteChange:
            self._show_icon()

    def _show_icon(self) -> None:
        icon = self._icons(self._icon_name) if self._icon_name else QtGui.QIcon()
        if not icon.isNull():
            self.setIcon(with_dim(icon, self.iconSize()))
