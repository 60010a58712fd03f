"""A new option touches two files: the contract's table and the engine that heeds it. Shown by adding one.

The backend is copied, one field is added to its options and one name to its engine; the docker stays as it is, shows a
control for it, and what is set there reaches the engine.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_backend import REPOSITORY, Backend, check_error, open_bundle

from krita_colorize.core import engines, request
from krita_colorize.core.port import Pixels
from krita_colorize.core.settings import Options, Reference, Settings, Source, SourceKind
from krita_colorize.qt import QtWidgets
from krita_colorize.ui.advanced import AdvancedSection

SOURCE = Source(SourceKind.FILE, "/sheet.png", "sheet.png")
FIELD = """    lora_strength: float = _number("""
NEW_FIELD = """    sparkle: float = _number(0.5, 0, 2, "Sparkle", "How much it glitters.")
"""
LISTED = '("palette_lock",), models'
NEW_LISTED = '("palette_lock", "sparkle"), models'
REPORTED = '{"regions": 1, '
NEW_REPORTED = '{"regions": 1, "sparkle": request.options.advanced.sparkle, '


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text("utf-8")
    for before, after in changes:
        assert text.count(before) == 1
        text = text.replace(before, after)
    path.write_text(text, "utf-8")


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A backend with one more option, and an engine that has it."""
    copy = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "backend" / "colorizer", copy / "colorizer", ignore=ignored)
    for name in ("serve_with_scripted_engines.py", "worker_with_scripted_engines.py", "scripted_engines.py"):
        shutil.copy(REPOSITORY / "tests" / "server" / name, copy)
    edit(copy / "colorizer" / "protocol" / "options.py", (FIELD, NEW_FIELD + FIELD))
    edit(copy / "scripted_engines.py", (LISTED, NEW_LISTED), (REPORTED, NEW_REPORTED))
    command = [sys.executable, str(copy / "serve_with_scripted_engines.py"), "{}"]
    backend = Backend(tmp_path_factory.mktemp("home"), command, path=copy)
    yield backend
    backend.close()


def body(options: Options) -> bytes:
    settings = Settings(engine="scripted", references=(Reference(SOURCE),), options=options)
    pictures = request.Pictures(Pixels(2, 1, bytes(8)), None, ((Pixels(1, 1, b"\x01\x02\x03\xff"), None),))
    return b"".join(request.bundle_parts(request.Request(SOURCE, 2, 1, settings), pictures))


def test_docker_shows_it_and_the_engine_gets_it(changed: Backend, qtbot: Any) -> None:
    told = changed.get("/v1/engines").json
    (engine,) = engines.read(told)
    assert "colour_paper" in engine.table  # as before
    found: dict[str, Any] = {}
    fold = AdvancedSection(found.__setitem__)
    qtbot.addWidget(fold)
    fold.show_values(Options(), engine.table)
    field = fold.findChild(QtWidgets.QDoubleSpinBox, "sparkle_field")
    assert (field.value(), field.minimum(), field.maximum()) == (0.5, 0, 2)
    assert (field.accessibleName(), field.toolTip()) == ("Sparkle", "How much it glitters.")
    field.setValue(1.25)
    assert found == {"sparkle": 1.25}
    job = changed.submit(body(Options(advanced=found)))
    assert changed.wait(job)["state"] == "done"
    header, _ = open_bundle(changed.get(f"/v1/jobs/{job}/result").body)
    assert header["record"]["report"]["sparkle"] == 1.25


def test_it_has_its_default_and_its_range(changed: Backend) -> None:
    job = changed.submit(body(Options()))
    assert changed.wait(job)["state"] == "done"
    header, _ = open_bundle(changed.get(f"/v1/jobs/{job}/result").body)
    assert header["record"]["report"]["sparkle"] == 0.5
    refused = changed.post(body(Options(advanced={"sparkle": 3})))
    check_error(refused, 422, "invalid_request")
    assert "`request.options.advanced.sparkle`" in refused.json["message"]


def test_it_is_described_and_a_backend_without_it_ignores_it(changed: Backend, backend: Backend) -> None:
    described = json.dumps(changed.get("/v1/openapi").json)
    assert "How much it glitters." in described
    job = backend.submit(body(Options(advanced={"sparkle": 1.25})))
    assert backend.wait(job)["state"] == "done"


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """The backend as it is."""
    started = Backend(tmp_path_factory.mktemp("backend"))
    yield started
    started.close()
