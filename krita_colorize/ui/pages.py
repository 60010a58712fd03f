"""Widgets that save height: pages with tabs, collapsible sections, scrolling columns. They don't know the session."""

from __future__ import annotations

from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets
from krita_colorize.ui.widgets import column


class CollapsibleSection(QtWidgets.QWidget):
    """A section with a title that shows and hides its content."""

    def __init__(
        self,
        title: str,
        content: QtWidgets.QWidget,
        parent: QtWidgets.QWidget | None = None,
        *,
        tooltip: str,
        name: str = "",
    ) -> None:
        super().__init__(parent)
        self._button = QtWidgets.QToolButton()
        self._button.setToolTip(tooltip)
        self._button.setObjectName(f"{name}_section" if name else "")
        self._button.setText(title)
        self._button.setCheckable(True)
        self._button.setAutoRaise(True)
        self._button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._content = content
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._button)
        layout.addWidget(content)
        self._button.toggled.connect(self._on_toggled)
        self._on_toggled(False)

    def _on_toggled(self, opened: bool) -> None:  # noqa: FBT001 - a toggle's slot
        arrows = QtCore.Qt.ArrowType
        self._button.setArrowType(arrows.DownArrow if opened else arrows.RightArrow)
        self._content.setVisible(opened)
        if opened:
            QtCore.QTimer.singleShot(0, self._show_from_top)  # after the layout has been updated

    def _show_from_top(self) -> None:
        """Scrolls so that the content is visible, also in a low docker."""
        bring_into_view(self)


def bring_into_view(widget: QtWidgets.QWidget) -> None:
    """Scrolls the `ScrollColumn` around a widget so that it is visible; does nothing outside of one."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, ScrollColumn):
        parent = parent.parentWidget()
    if parent is not None:
        parent.show_from_top(widget)


class ScrollColumn(QtWidgets.QScrollArea):
    """A scroll area that scrolls only vertically, and is as wide as its content."""

    _LEAST_HEIGHT = 24

    def __init__(self, content: QtWidgets.QWidget, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)  # only the widgets inside get the focus
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        content.setAutoFillBackground(False)  # otherwise a disabled form is a darker area in light themes

    def minimumSizeHint(self) -> QtCore.QSize:
        """The width of the content and the scroll bar, and a small height."""
        content, bar = self.widget(), self.verticalScrollBar()
        assert bar is not None
        width = content.minimumSizeHint().width() if content is not None else 0
        width += bar.sizeHint().width()
        return QtCore.QSize(width, self._LEAST_HEIGHT)

    def show_from_top(self, inside: QtWidgets.QWidget) -> None:
        """Scrolls as far as needed to show a widget inside, or its top if it is higher than this area."""
        content, bar = self.widget(), self.verticalScrollBar()
        assert content is not None
        assert bar is not None
        top = inside.mapTo(content, QtCore.QPoint(0, 0)).y()
        lowest = top + inside.height() - self.height()
        bar.setValue(max(min(bar.value(), top), min(lowest, top)))

    def eventFilter(self, watched: QtCore.QObject | None, event: QtCore.QEvent | None) -> bool:
        """Updates the minimum width when the content's changes, for example when a section is opened."""
        if event is not None and event.type() == QtCore.QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


class GivesWay(QtWidgets.QWidget):
    """A column of widgets whose minimum height is 0, so that it shrinks first."""

    def __init__(self, *widgets: QtWidgets.QWidget, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = column(*widgets)
        self.setLayout(self._column)

    def add(self, widget: QtWidgets.QWidget) -> None:
        """Adds a widget below the others."""
        self._column.addWidget(widget)

    def minimumSizeHint(self) -> QtCore.QSize:
        """The width of the content, and no height."""
        return QtCore.QSize(super().minimumSizeHint().width(), 0)


class PageTabs(QtWidgets.QTabWidget):
    """Pages with narrow tabs."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pages")
        bar = _NarrowTabs()
        bar.setAccessibleName(tr("Pages"))
        self.setTabBar(bar)
        self.setDocumentMode(True)
        self.setUsesScrollButtons(False)


class _NarrowTabs(QtWidgets.QTabBar):
    """Tabs with little padding around the text, where styles have 24 px."""

    _ROUND_TEXT = QtCore.QSize(16, 8)

    def tabSizeHint(self, index: int) -> QtCore.QSize:
        """The size of the text with a small padding."""
        metrics = self.fontMetrics()
        text = QtCore.QSize(metrics.horizontalAdvance(self.tabText(index)), metrics.lineSpacing())
        return text + self._ROUND_TEXT

    def minimumTabSizeHint(self, index: int) -> QtCore.QSize:
        """The same as `tabSizeHint`, so that no title is elided."""
        return self.tabSizeHint(index)

    def paintEvent(self, _event: QtGui.QPaintEvent | None) -> None:
        """Draws the style's tabs, with the text centred over their whole width."""
        painter, option = QtWidgets.QStylePainter(self), QtWidgets.QStyleOptionTab()
        style, current = QtWidgets.QStyle, self.currentIndex()
        for index in sorted(range(self.count()), key=lambda index: index == current):
            self.initStyleOption(option, index)
            painter.drawControl(style.ControlElement.CE_TabBarTabShape, option)
            centred = QtGui.QTextOption(QtCore.Qt.AlignmentFlag.AlignCenter)
            painter.setPen(self.palette().color(QtGui.QPalette.ColorRole.WindowText))
            painter.drawText(QtCore.QRectF(option.rect), self.tabText(index), centred)
            if index == current and self.hasFocus():
                focus = QtWidgets.QStyleOptionFocusRect()
                focus.initFrom(self)
                focus.rect = option.rect.adjusted(3, 3, -3, -3)
                painter.drawPrimitive(style.PrimitiveElement.PE_FrameFocusRect, focus)
