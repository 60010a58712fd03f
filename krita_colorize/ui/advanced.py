"""The fold "Advanced": pages, steps, size and the finer settings of diffusion engines, those that the engine heeds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, replace
from typing import Any

from krita_colorize.core import advanced
from krita_colorize.core.engines import USUAL_STEPS
from krita_colorize.core.settings import Options
from krita_colorize.core.words import tr
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui.pages import Fold
from krita_colorize.ui.widgets import Choice, label_for

_DECIMALS = 2
_ROWS = {
    "colour_paper": advanced.Row(
        "Gutters and bubbles, too",
        "Colours the gutters and speech bubbles of a comic page; without it they stay paper.",
    ),
    "steps": advanced.Row(
        "Steps",
        "How often the picture is improved: more takes longer. It begins with what suits the model.",
        1,
        100,
    ),
    "size": advanced.Row(
        "Working size",
        "Side in px that the model works at; 0 is the model's own. The layers keep your canvas.",
        0,
        2048,
    ),
}
_CHOICES = {
    "automatic": "Automatic",
    "borders": "Borders",
    "roughs": "Roughs",
    "trace_lines": "Trace lines",
}
_TEXT_LINES = 3
_SPIN_WIDTH = 64  # all alike, whatever their range


class AdvancedFold(QtWidgets.QWidget):
    """Shows values and tells of changes by `change(name, value)`; it keeps nothing itself."""

    def __init__(self, change: Callable[[str, Any], None], parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("advanced_fold")
        self._change = change
        self._suiting = USUAL_STEPS
        self._fields: dict[str, QtWidgets.QWidget] = {}
        self._labels: dict[str, QtWidgets.QWidget] = {}
        inside = QtWidgets.QWidget()
        form = QtWidgets.QFormLayout(inside)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        form.setRowWrapPolicy(QtWidgets.QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for name, default in _values(Options()).items():
            self._add(form, name, default)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(Fold(tr("Advanced"), inside, tooltip=tr("The finer settings of the chosen engine.")))

    def show_values(self, options: Options, heeded: Collection[str], *, suiting: int = USUAL_STEPS) -> None:
        """Shows these values; fields that the engine doesn't heed are hidden, and the fold where none is left.

        `suiting` is the chosen model's own number of steps, shown while the artist has set none.
        """
        self._suiting = suiting
        for name, value in _values(replace(options, steps=options.steps or suiting)).items():
            field = self._fields[name]
            for widget in (field, self._labels[name]):
                widget.setVisible(name in heeded)
            blocker = QtCore.QSignalBlocker(field)
            _show(field, value)
            blocker.unblock()
        self.setVisible(any(name in heeded for name in self._fields))

    def _change_steps(self, steps: int) -> None:
        """The model's own number isn't the artist's: another model may then begin with its own."""
        self._change("steps", 0 if steps == self._suiting else steps)

    def _add(self, form: QtWidgets.QFormLayout, name: str, default: object) -> None:
        row = advanced.WORDS.get(name) or _ROWS[name]
        field = self._field(name, row, default)
        field.setObjectName(f"{name}_field")
        field.setAccessibleName(tr(row.title))
        field.setToolTip(tr(row.tooltip))
        self._fields[name] = self._labels[name] = field
        if isinstance(default, bool):  # says its title itself
            form.addRow(field)
            return
        if isinstance(field, QtWidgets.QAbstractSpinBox):
            field.setMinimumWidth(_SPIN_WIDTH)
        label = self._labels[name] = label_for(field, tr(row.title))
        label.setToolTip(tr(row.tooltip))
        form.addRow(label, field)

    def _field(self, name: str, row: advanced.Row, default: object) -> QtWidgets.QWidget:
        if isinstance(default, bool):
            check = QtWidgets.QCheckBox(tr(row.title))
            check.toggled.connect(lambda on: self._change(name, on))
            return check
        if row.choices:
            choice = Choice("", tr(row.title), tr(row.tooltip))
            choice.show_choice([(_title(text), text) for text in row.choices], row.choices[0])
            choice.chosen.connect(lambda value: self._change(name, value))
            return choice
        if isinstance(default, str):
            return _Lines(lambda text: self._change(name, text))
        if isinstance(default, int):
            whole = _Whole(int(row.low), int(row.high))
            tell = self._change_steps if name == "steps" else lambda value: self._change(name, value)
            whole.valueChanged.connect(tell)
            return whole
        number = _Number(row.low, row.high)
        number.valueChanged.connect(lambda value: self._change(name, round(value, _DECIMALS)))
        return number


def _values(options: Options) -> dict[str, Any]:
    """Everything this fold shows, by name."""
    return {
        "colour_paper": options.colour_paper,
        "steps": options.steps,
        "size": options.size,
        **asdict(options.advanced),
    }


class _Whole(QtWidgets.QSpinBox):
    """A whole number in a range."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.setRange(low, high)
        self.setKeyboardTracking(False)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: object) -> None:
        """Scrolling the docker must not change what is under the pointer."""
        event.ignore()  # type: ignore[attr-defined]


class _Number(QtWidgets.QDoubleSpinBox):
    """A number in a range, in steps that fit it."""

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
    """A few lines of text, told of when they are left."""

    def __init__(self, change: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = change
        self.setFixedHeight(self.fontMetrics().lineSpacing() * _TEXT_LINES + 12)
        self.setTabChangesFocus(True)

    def focusOutEvent(self, event: Any) -> None:
        """The artist has finished writing."""
        super().focusOutEvent(event)
        self._tell(self.toPlainText()[: advanced.LONGEST_TEXT])


def _title(choice: str) -> str:
    """What the artist reads for one of the wire's choices."""
    if choice.startswith("diffuser_"):
        return f"{choice.removeprefix('diffuser_').upper()} (diffusers)"
    return tr(_CHOICES.get(choice, choice))


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
