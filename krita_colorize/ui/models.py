"""The Models page: a card for every model, whose licence is shown before a download. Files are added by dropping them.

It is a separate window, because cards don't fit into a docker. It shows `app.catalogue` and has no state of its own.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from krita_colorize.app.catalogue import Catalogue
from krita_colorize.app.guard import guarded
from krita_colorize.core.catalogue import SUFFIXES, Model, ModelState, Task
from krita_colorize.core.explained import DRAWN, explained
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets
from krita_colorize.ui import keyboard
from krita_colorize.ui.explained import ExplainedPicture
from krita_colorize.ui.widgets import allow, push_button, row, words_label

_STEPS = 1000  # of the progress bars
_SIZE = (560, 640)
_LEAST_WIDTH = 400  # the width of the cards, which never scroll horizontally


class ModelsPage(QtWidgets.QDialog):
    """The window with all models. Each `show` requests the list."""

    def __init__(self, catalogue: Catalogue, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = catalogue.report
        self._catalogue = catalogue
        self._cards: dict[str, Card] = {}
        self.setObjectName("models_page")
        self.setWindowTitle(tr("Models for Colorize"))
        self.setAcceptDrops(True)
        self.setMinimumWidth(_LEAST_WIDTH)
        self.resize(*_SIZE)
        self._init_layout()
        catalogue.changed.connect(self.refresh)

    def showEvent(self, event: QtGui.QShowEvent | None) -> None:
        """Requests the list."""
        super().showEvent(event)
        self._catalogue.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows the models, the running task and the error."""
        catalogue = self._catalogue
        names = [model.name for model in catalogue.models]
        if names != list(self._cards):
            self._rebuild(catalogue.models)
        for model in catalogue.models:
            task = catalogue.task if catalogue.task and catalogue.task.model == model.name else None
            self._cards[model.name].show_model(model, task, busy=catalogue.busy)
        self._problem.setText(catalogue.problem)
        self._problem.setVisible(bool(catalogue.problem))
        self._bring.setEnabled(not catalogue.busy)
        self._prediction.setVisible(catalogue.asks_prediction is not None)
        self._show_conversion()
        keyboard.give_letters(self)

    def _show_conversion(self) -> None:
        """Shows the progress of a conversion, which has no card yet."""
        task = self._catalogue.task
        converting = task is not None and task.kind == "convert" and task.running
        self._conversion.setVisible(converting)
        if task is not None:
            self._conversion.show_progress(task.words, task.fraction)

    def _init_layout(self) -> None:
        self._problem = words_label("models_problem_label")
        self._bring = push_button("bring_model_button", tr("Use a file…"), self._on_bring)
        self._bring.setToolTip(
            tr("Uses a model file you already have. Or drop it, or the folder it lies in, on this window.")
        )
        self._conversion = Progress()
        self._conversion.stop.clicked.connect(self._catalogue.stop)
        self._prediction = self._prediction_row()
        self._column = QtWidgets.QVBoxLayout()
        self._column.addStretch(1)
        inside = QtWidgets.QWidget()
        inside.setLayout(self._column)
        scroll = QtWidgets.QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)  # only the widgets inside get it
        scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        layout = QtWidgets.QVBoxLayout(self)
        layout.addLayout(row(words_label("models_drawn_label", tr(DRAWN)), self._bring))
        layout.addWidget(self._problem)
        layout.addWidget(self._prediction)
        layout.addWidget(self._conversion)
        layout.addWidget(scroll, 1)
        for hidden in (self._problem, self._prediction, self._conversion):
            hidden.hide()

    def _prediction_row(self) -> QtWidgets.QWidget:
        """Two buttons for the prediction type, which can't be detected from a ColorizeDiffusion v1 file."""
        box = QtWidgets.QWidget()
        answers = (
            ("epsilon", tr("It predicts noise (published v1, v1.5)")),
            ("v_prediction", tr("It predicts velocity")),
        )
        noise, velocity = (
            push_button(f"prediction_{name}_button", text, partial(self._on_prediction, name))
            for name, text in answers
        )
        box.setLayout(row(noise, velocity))
        return box

    def _rebuild(self, models: tuple[Model, ...]) -> None:
        for card in self._cards.values():
            self._column.removeWidget(card)
            card.deleteLater()
        self._cards = {model.name: Card(self._catalogue, model) for model in models}
        for index, card in enumerate(self._cards.values()):
            self._column.insertWidget(index, card)

    # adding files

    def dragEnterEvent(self, event: QtGui.QDragEnterEvent | None) -> None:
        """Accepts a single model file or folder."""
        if event is not None and _model_file(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QtGui.QDropEvent | None) -> None:
        """Converts the dropped file or folder."""
        path = _model_file(event.mimeData()) if event is not None else None
        if event is not None and path is not None and not self._catalogue.busy:
            event.acceptProposedAction()
            self._catalogue.bring(path)

    @guarded
    def _on_bring(self) -> None:
        endings = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        name, _ = QtWidgets.QFileDialog.getOpenFileName(
            self, tr("Choose a model file"), "", tr("Models ({endings})", endings=endings)
        )
        if name:
            self._catalogue.bring(Path(name))

    @guarded
    def _on_prediction(self, prediction: str) -> None:
        path = self._catalogue.asks_prediction
        if path is not None:
            self._catalogue.bring(path, prediction)


class Progress(QtWidgets.QWidget):
    """The name and the progress of a task, and a button that stops it."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = words_label("")
        self._bar = QtWidgets.QProgressBar()
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self.stop = QtWidgets.QPushButton(tr("Stop"))
        self.stop.setObjectName("stop_model_button")
        self.stop.setToolTip(tr("The downloaded part is kept, and the download can be continued later."))
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row(self._words, self.stop))
        layout.addWidget(self._bar)

    def show_progress(self, words: str, fraction: float) -> None:
        """Shows the name and the fraction (0..1) of the present stage."""
        self._words.setText(words)
        self._bar.setValue(round(fraction * _STEPS))


class Card(QtWidgets.QFrame):
    """The card of one model: its purpose, its licence, and its buttons."""

    def __init__(self, catalogue: Catalogue, model: Model, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = catalogue.report
        self._catalogue = catalogue
        self._model = model
        self.setObjectName(f"card_{model.name}")
        self.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        self._facts = words_label("")
        self._accept = QtWidgets.QCheckBox(tr("I have read the licence and accept it"))
        self._accept.setObjectName("accept_licence_check")
        self._accept.toggled.connect(self._on_accepted)
        self._init_buttons()
        self._progress = Progress()
        self._progress.stop.clicked.connect(catalogue.stop)
        layout = QtWidgets.QVBoxLayout(self)
        layout.addWidget(words_label("", model.title, bold=True))
        what = explained(model.name, model.engine)
        if what is not None:
            layout.addWidget(ExplainedPicture(what))
        for text in (model.good_for, _licence_words(model)):
            if text:
                layout.addWidget(words_label("", text))
        layout.addWidget(self._facts)
        layout.addWidget(self._accept)
        layout.addLayout(row(QtWidgets.QWidget(), self._download, self._verify, self._remove))
        layout.addWidget(self._progress)

    def show_model(self, model: Model, task: Task | None, *, busy: bool) -> None:
        """Shows the model's present state; `task` is its task, `busy` whether a task of any model is running."""
        self._model = model
        installed = model.state is ModelState.INSTALLED
        running = task is not None and task.running
        state = {
            ModelState.INSTALLED: tr("Installed"),
            ModelState.PARTIAL: tr("{size} are downloaded", size=f"{model.downloaded / 1e9:.1f} GB"),
            ModelState.ABSENT: tr("Not installed"),
        }[model.state]
        if task is not None and task.kind == "verify" and task.state == "done" and not task.problems:
            state = tr("Installed, every file is intact")
        self._facts.setText(f"{state} · {model.facts}")
        self._accept.setVisible(not installed and not running)
        self._download.setVisible(not installed and not running)
        self._download.setText(tr("Go on") if model.state is ModelState.PARTIAL else tr("Download"))
        self._allow_download(busy=busy)
        for button, shown in (
            (self._verify, installed),
            (self._remove, installed or model.state is ModelState.PARTIAL),
        ):
            button.setVisible(shown and not running)
            button.setEnabled(not busy)
        self._progress.setVisible(running)
        if task is not None:
            self._progress.show_progress(task.words, task.fraction)

    def _init_buttons(self) -> None:
        catalogue = self._catalogue
        self._download = push_button(
            "download_model_button", tr("Download"), lambda: catalogue.download(self._model)
        )
        self._verify = push_button("verify_model_button", tr("Verify"), lambda: catalogue.verify(self._model))
        self._verify.setToolTip(tr("Compares every file with its hash from the installation."))
        self._remove = push_button("remove_model_button", tr("Remove"), self._on_remove)

    def _allow_download(self, *, busy: bool) -> None:
        accepted = self._accept.isChecked()
        why_not = (
            tr("Another task on the models is running. Wait until it ends, or stop it.")
            if accepted
            else tr("Accept the licence first.")
        )
        allow(self._download, when=accepted and not busy, why_not=why_not)

    @guarded
    def _on_accepted(self) -> None:
        self._allow_download(busy=self._catalogue.busy)

    @guarded
    def _on_remove(self) -> None:
        question = tr("Remove {title} from this machine?", title=self._model.title)
        answer = QtWidgets.QMessageBox.question(self, tr("Remove"), question)
        if answer == QtWidgets.QMessageBox.StandardButton.Yes:
            self._catalogue.remove(self._model)


def _licence_words(model: Model) -> str:
    licence = model.licence
    if not licence.words:
        return tr("Licence: {title}", title=licence.title)
    return tr(
        "Licence: {title}. {words} The whole text: {url}",
        title=licence.title,
        words=licence.words,
        url=licence.url,
    )


def _model_file(data: QtCore.QMimeData | None) -> Path | None:
    """The dragged model file or folder; None if it is something else or there are several."""
    urls = data.urls() if data is not None else []
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.is_dir() or path.suffix.lower() in SUFFIXES else None
