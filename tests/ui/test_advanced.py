"""The fold "Advanced": what the engine heeds is there, and what is set there is what the request says."""

from dataclasses import replace

import pytest
from colorizer.protocol import options as contract
from docker_stage import OPTION_TABLE

from krita_colorize.core.engines import EngineInfo, ModelInfo
from krita_colorize.core.engines import read as read_engines
from krita_colorize.core.modes import Mode
from krita_colorize.core.settings import Options, from_json, to_json
from krita_colorize.qt import QtWidgets
from krita_colorize.ui.advanced import AdvancedSection
from krita_colorize.ui.docker import DockerWidget

TABLE = OPTION_TABLE
ALL = ("steps", "size", *contract.ADVANCED)


def heeded(*names):
    return {name: option for name, option in TABLE.items() if name in names}


@pytest.fixture
def changes():
    return {}


@pytest.fixture
def fold(qtbot, changes):
    fold = AdvancedSection(changes.__setitem__)
    qtbot.addWidget(fold)
    fold.show_values(Options(), heeded(*ALL))
    return fold


def field(fold, name):
    return fold.findChild(QtWidgets.QWidget, f"{name}_field")


def test_only_what_the_engine_heeds_is_shown(fold):
    fold.show_values(Options(), heeded("steps", "guidance"))
    assert [name for name in ALL if field(fold, name)] == ["steps", "guidance"]
    fold.show_values(Options(), heeded("palette_lock"))
    assert fold.isHidden()


def test_ranges_follow_the_backend(fold):
    guidance = replace(TABLE["guidance"], high=20.0, title="Strictness")
    fold.show_values(Options(advanced={"guidance": 18}), {"guidance": guidance})
    assert field(fold, "guidance").value() == 18
    assert field(fold, "guidance").accessibleName() == "Strictness"


def test_showing_tells_of_no_change(fold, changes):
    fold.show_values(
        Options(steps=7, advanced={"guidance": 6, "injection": True, "sampler": "Euler"}), heeded(*ALL)
    )
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
    options = Options(advanced={"guidance": 9, "text_edits": "[target] red", "injection": True})
    stored = replace(from_json({}), options=options)
    assert from_json(to_json(stored)).options == options


@pytest.mark.parametrize(
    "broken",
    [None, [], {"guidance": None}, {"guidance": float("nan")}, {"sampler": ["x"]}, {"lora": "x" * 5000}],
)
def test_broken_settings_get_their_defaults(broken):
    assert from_json({"options": {"advanced": broken}}).options.advanced == {}


def test_settings_of_the_version_before_still_open():
    stored = contract.Options().model_dump()
    stored["advanced"]["guidance"] = 9.0
    options = from_json({"options": stored}).options
    assert options.advanced["guidance"] == 9
    assert contract.Options.model_validate({**stored, "advanced": options.advanced}).advanced.guidance == 9


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
    assert widget.findChild(QtWidgets.QWidget, "advanced_section").isHidden()
    offer(table=heeded("guidance", "steps"))
    field(widget, "guidance").setValue(8)
    field(widget, "steps").setValue(33)
    assert model.settings.options.advanced["guidance"] == 8
    assert model.settings.options.steps == 33


def test_what_is_installed_can_be_chosen(session, model, offer, qtbot):
    told = {
        "name": "klein",
        "title": "Klein",
        "modes": ["whole"],
        "options": ["lora"],
        "models": [],
        "max_references": 4,
    }
    choices = [{"value": "", "title": "None"}, {"value": "manga", "title": "Manga, licence: MIT"}]
    table = [option.model_dump() for option in contract.table()]
    (info,) = read_engines({"engines": [told | {"choices": {"lora": choices}}], "options": table})
    widget = DockerWidget(session)
    qtbot.addWidget(widget)
    offer(table=info.table)
    shown = field(widget, "lora")
    assert [shown.itemText(row) for row in range(shown.count())] == ["None", "Manga, licence: MIT"]
    shown.setCurrentIndex(1)
    assert model.settings.options.advanced["lora"] == "manga"


def test_steps_are_the_models_until_the_artist_sets_them(session, model, offer, qtbot):
    widget = DockerWidget(session)
    qtbot.addWidget(widget)
    few, many = ModelInfo("few", "Few", installed=True, steps=2), ModelInfo("many", "Many", installed=True)
    offer(table=heeded("steps"), models=(few, many))
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
