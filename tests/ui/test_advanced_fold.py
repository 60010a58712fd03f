"""The fold "Advanced": what the engine heeds is there, and what is set there is what the request says."""

from dataclasses import fields, replace

import pytest
from colorizer.engines import advanced as backend

from krita_colorize.core import advanced
from krita_colorize.core.advanced import Advanced
from krita_colorize.core.engines import EngineInfo, ModelInfo
from krita_colorize.core.modes import Mode
from krita_colorize.core.settings import Options, from_json, to_json
from krita_colorize.qt import QtWidgets
from krita_colorize.ui.advanced import AdvancedFold
from krita_colorize.ui.docker import DockerWidget

ALL = ("steps", "size", *(item.name for item in fields(Advanced)))


@pytest.fixture
def changes():
    return {}


@pytest.fixture
def fold(qtbot, changes):
    fold = AdvancedFold(changes.__setitem__)
    qtbot.addWidget(fold)
    fold.show_values(Options(), ALL)
    return fold


def field(fold, name):
    return fold.findChild(QtWidgets.QWidget, f"{name}_field")


def test_both_sides_have_the_same_table():
    ours = {item.name: item.default for item in fields(Advanced)}
    assert ours == {item.name: item.default for item in fields(backend.Advanced)}
    for item in fields(backend.Advanced):
        row = advanced.WORDS[item.name]
        assert (row.low, row.high) == item.metadata.get("range", (0, 0))
        assert row.choices == item.metadata.get("choices", ())


def test_everything_is_explained():
    for row in advanced.WORDS.values():
        assert row.title
        assert row.tooltip


def test_only_what_the_engine_heeds_is_shown(fold):
    fold.show_values(Options(), ("steps", "guidance"))
    assert [name for name in ALL if not field(fold, name).isHidden()] == ["steps", "guidance"]
    fold.show_values(Options(), ("palette_lock",))
    assert fold.isHidden()


def test_showing_tells_of_no_change(fold, changes):
    fold.show_values(Options(steps=7, advanced=Advanced(guidance=6, injection=True, sampler="Euler")), ALL)
    assert changes == {}
    assert field(fold, "guidance").value() == 6
    assert field(fold, "injection").isChecked()
    assert field(fold, "sampler").currentData() == "Euler"


def test_changes_are_told(fold, changes):
    field(fold, "guidance").setValue(7.5)
    field(fold, "steps").setValue(30)
    field(fold, "injection").setChecked(True)
    field(fold, "spacing").setCurrentIndex(2)
    assert changes == {"guidance": 7.5, "steps": 30, "injection": True, "spacing": "Karras"}


def test_settings_survive_the_document():
    options = Options(advanced=Advanced(guidance=9, text_edits="[target] red", injection=True))
    stored = replace(from_json({}), options=options)
    assert from_json(to_json(stored)).options == options


@pytest.mark.parametrize(
    "broken", [None, [], {"guidance": 99}, {"guidance": True}, {"sampler": "x"}, {"injection": 1}]
)
def test_broken_settings_get_their_defaults(broken):
    assert from_json({"options": {"advanced": broken}}).options.advanced == Advanced()


@pytest.fixture
def offer(session, model):
    """Says what the sketch's engine can do, as the backend would."""

    def call(**changes):
        info = EngineInfo("scripted", "Scripted", frozenset(Mode), frozenset(), (), 4)
        session.engines = (replace(info, **changes),)
        session.engines_changed.emit()

    return call


def test_what_is_set_reaches_the_document(session, model, offer, qtbot):
    widget = DockerWidget(session)
    qtbot.addWidget(widget)
    offer()
    assert widget.findChild(QtWidgets.QWidget, "advanced_fold").isHidden()
    offer(options=frozenset({"guidance", "steps"}))
    field(widget, "guidance").setValue(8)
    field(widget, "steps").setValue(33)
    assert model.settings.options.advanced.guidance == 8
    assert model.settings.options.steps == 33


def test_steps_are_the_models_until_the_artist_sets_them(session, model, offer, qtbot):
    widget = DockerWidget(session)
    qtbot.addWidget(widget)
    few, many = ModelInfo("few", "Few", installed=True, steps=2), ModelInfo("many", "Many", installed=True)
    offer(options=frozenset({"steps"}), models=(few, many))
    steps = field(widget, "steps")

    def shown():
        values = []
        for name in ("", "few", "many"):
            model.change(model=name)
            values.append(steps.value())
        return values

    assert shown() == [2, 2, 20]
    steps.setValue(7)
    assert (shown(), model.settings.options.steps) == ([7, 7, 7], 7)
    steps.setValue(20)
    assert (shown(), model.settings.options.steps) == ([2, 2, 20], 0)


def test_an_engine_that_lacks_something_says_so(session, offer, qtbot):
    widget = DockerWidget(session)
    qtbot.addWidget(widget)
    offer(missing="No model is installed.")
    label = widget.findChild(QtWidgets.QLabel, "engine_missing_label")
    assert label.text() == "No model is installed."
    assert not label.isHidden()
