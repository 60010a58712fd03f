"""The section "Advanced": pages, steps, size, and the options of the chosen engine.

The backend provides the options and their titles (`core.option_table`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from krita_colorize.core.engines import USUAL_STEPS
from krita_colorize.core.option_table import LONGEST_TEXT, Option
from krita_colorize.core.settings import Options
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui.pages import CollapsibleSection
from krita_colorize.ui.widgets import Choice, label_for

_DECIMALS = 2
_ELSEWHERE = {"palette_lock", "style_detail", "background_detail", "line_gap", "colorize_mask"}
"""Options that the form shows itself."""
_SHOWN = {"steps": (1, 100), "size": (0, 2048)}
"""Ranges of options whose range on the wire is wider than artists need."""
_TEXT_LINES = 3
_SPIN_WIDTH = 64  # the same for all ranges


class AdvancedSection(QtWidgets.QWidget):
    """Shows values, and calls `change(name, value)` when the artist changes one; has no state of its own."""

    def __init__(self, change: Callable[[str, Any], None], parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("advanced_section")
        self._change = change
        self._suiting = USUAL_STEPS
        self._table: dict[str, Option] = {}
        self._fields: dict[str, QtWidgets.QWidget] = {}
        inside = QtWidgets.QWidget()
        self._form = QtWidgets.QFormLayout(inside)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setVerticalSpacing(4)
        self._form.setRowWrapPolicy(QtWidgets.QFormLayout.RowWrapPolicy.WrapLongRows)
        self._form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(
            CollapsibleSection(
                tr("Advanced"), inside, tooltip=tr("The advanced settings of the chosen engine.")
            )
        )

    def show_values(
        self, options: Options, table: Mapping[str, Option], *, suiting: int = USUAL_STEPS
    ) -> None:
        """Shows the values of an engine's options that have no control elsewhere; hides the section if there are none.

        `suiting` is the recommended number of steps of the chosen model, which is shown while `steps` is 0.
        """
        self._suiting = suiting
        self._build({name: option for name, option in table.items() if name not in _ELSEWHERE})
        for name, option in self._table.items():
            value = getattr(options, name, options.advanced.get(name, option.default))
            field = self._fields[name]
            blocker = QtCore.QSignalBlocker(field)
            _show(field, value or suiting if name == "steps" else value)
            blocker.unblock()
        self.setVisible(bool(self._table))

    def _build(self, table: dict[str, Option]) -> None:
        """Rebuilds the fields if the options have changed."""
        if list(table.items()) == list(self._table.items()):
            return
        while self._form.rowCount():
            self._form.removeRow(0)
        self._table, self._fields = table, {}
        for option in table.values():
            self._add(option)

    def _change_steps(self, steps: int) -> None:
        """Stores the recommended number as 0, so that another model uses its own."""
        self._change("steps", 0 if steps == self._suiting else steps)

    def _add(self, option: Option) -> None:
        title, tooltip = tr(option.title), tr(option.tooltip)
        field = self._fields[option.name] = self._field(option)
        field.setObjectName(f"{option.name}_field")
        field.setAccessibleName(title)
        field.setToolTip(tooltip)
        if option.kind == "switch":  # a check box contains its title
            self._form.addRow(field)
            return
        if isinstance(field, QtWidgets.QAbstractSpinBox):
            field.setMinimumWidth(_SPIN_WIDTH)
        label = label_for(field, title)
        label.setToolTip(tooltip)
        self._form.addRow(label, field)

    def _field(self, option: Option) -> QtWidgets.QWidget:
        name = option.name
        if option.kind == "switch":
            check = QtWidgets.QCheckBox(tr(option.title))
            check.toggled.connect(lambda on: self._change(name, on))
            return check
        if option.kind == "choice":
            choice = Choice("", tr(option.title), tr(option.tooltip))
            choice.show_choice([(tr(one.title), one.value) for one in option.choices], str(option.default))
            choice.chosen.connect(lambda value: self._change(name, value))
            return choice
        if option.kind == "text":
            return _Lines(lambda text: self._change(name, text))
        low, high = _SHOWN.get(name, (option.low, option.high))
        if option.kind == "integer":
            whole = _Whole(int(low), int(high))
            tell = self._change_steps if name == "steps" else lambda value: self._change(name, value)
            whole.valueChanged.connect(tell)
            return whole
        number = _Number(low, high)
        number.valueChanged.connect(lambda value: self._change(name, round(value, _DECIMALS)))
        return number


class _Whole(QtWidgets.QSpinBox):
    """A spin box for integers."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.setRange(low, high)
        self.setKeyboardTracking(False)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: object) -> None:
        """Scrolling the docker must not change what is under the pointer."""
        event.ignore()  # type: ignore[attr-defined]


class _Number(QtWidgets.QDoubleSpinBox):
    """A spin box for numbers, whose step depends on the range."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.setRange(low, high)
        self.setDecimals(_DECIMALS)
        self.setSingleStep(0.5 if high > 5 else 0.05)
        self.setKeyboardTracking(False)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: object) -> None:
        """Scrolling the docker must not change what is under the pointer."""
        event.ignore()  # type: ignore[attr-defined]


class _Lines(QtWidgets.QPlainTextEdit):
    """A field for a few lines of text, which calls `change` when it loses the focus."""

    def __init__(self, change: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = change
        self.setFixedHeight(self.fontMetrics().lineSpacing() * _TEXT_LINES + 12)
        self.setTabChangesFocus(True)

    def focusOutEvent(self, event: Any) -> None:
        """Calls `change` with the text."""
        super().focusOutEvent(event)
        self._tell(self.toPlainText()[:LONGEST_TEXT])


def _show(field: QtWidgets.QWidget, value: Any) -> None:
    if isinstance(field, QtWidgets.QCheckBox):
        field.setChecked(value)
    elif isinstance(field, Choice):
        field.show_choice([(field.itemText(i), field.itemData(i)) for i in range(field.count())], value)
    elif isinstance(field, _Lines):
        if not field.hasFocus() and field.toPlainText() != value:
            field.setPlainText(value)
    elif isinstance(field, (_Whole, _Number)) and round(field.value(), _DECIMALS) != round(value, _DECIMALS):
        field.setValue(value)
