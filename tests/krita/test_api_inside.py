"""Every class, attribute and enumerator that the port uses is there in this Krita, under its scoped name."""

from pathlib import Path

import krita_api
import pytest

pytestmark = pytest.mark.krita

ROOT = Path(__file__).resolve().parents[2]
STUB = (ROOT / "typings/krita.pyi").read_text("utf-8")


def look_up(sources, stub):
    """What is used in these files, by their names, and lacking here."""
    import krita_api

    found = [krita_api.uses(source, file) for file, source in sources.items()]
    used = {key: [use for one in found for use in one[key]] for key in ("chains", "attributes", "own")}
    numbers = krita.Krita.instance().version().partition("-")[0].split(".")
    return krita_api.lacking(used, krita_api.stubbed(stub), [int(number) for number in numbers])


def port_sources():
    rooms = [ROOT / "krita_colorize/krita_port", ROOT / "krita_colorize/core"]
    files = [path for room in rooms for path in sorted(room.glob("*.py"))]
    return {
        path.name: path.read_text("utf-8") for path in files if path.parent == rooms[0] or path.stem == "port"
    }


def test_this_krita_has_all_that_the_port_uses(krita):
    sources = port_sources()
    used = krita_api.uses(sources["dock.py"], "dock.py")
    assert ["krita", "DockWidgetFactoryBase", "DockPosition", "DockRight"] in [c for _, c in used["chains"]]
    assert krita.call(look_up, sources=sources, stub=STUB) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("DockWidgetFactoryBase.DockRight", "DockRight"),
        ("Krita.instance().makeCoffee()", "port.py:4: no class has makeCoffee"),
        ("Krita.makeCoffee", "port.py:4: krita.Krita has no makeCoffee"),
        ("QtCore.Qt.AlignTop", "AlignTop"),
        ("QtCore.QEvent.Type.Coffee", "QEvent.Type has no Coffee"),
    ],
)
def test_a_name_that_is_missing_or_unscoped_is_found(krita, line, problem):
    source = f"""from krita import DockWidgetFactoryBase, Krita
from krita_colorize.qt import QtCore

{line}
"""
    found = krita.call(look_up, sources={"port.py": source}, stub=STUB)
    assert len(found) == 1
    assert problem in found[0]


def test_a_missing_class_and_a_name_missing_in_the_stubs_class_are_found(krita):
    stub = "class Node:\n    def visible(self): ...\n    def resolution(self): ...\n    def soon(self): ...  # 99.0\n"
    found = krita.call(look_up, sources={"port.py": "from krita import Teapot\n"}, stub=stub)
    assert found == ["the stub: krita.Node has no resolution", "port.py:1: krita has no Teapot"]
