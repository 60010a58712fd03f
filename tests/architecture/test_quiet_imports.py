"""Importing does nothing: no torch, no Qt application, no thread, no file."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

HEAVY = """
import importlib, pkgutil, sys, threading, colorizer, colorizer_lab
# The worker processes' side of the server, and what runs inside Krita.
its = ("pixels", "packing", "delivered", "redo", "run_job", "surveys", "region_tables", "run_edit", "edit_worker")
worker = tuple("colorizer.server." + name for name in its)
elsewhere = (*worker, "colorizer_lab.krita.driver")
packages = (colorizer, colorizer_lab)
walked = (m.name for p in packages for m in pkgutil.walk_packages(p.__path__, p.__name__ + "."))
names = [name for name in walked if name not in elsewhere]
quiet = ("cli", "server", "krita_host", "krita", "release", "errors", "paths", "progress")
light = [n for n in names if n.split(".")[1] in quiet]
for name in light:
    if not name.endswith("__main__"):
        importlib.import_module(name)
assert light and "torch" not in sys.modules and "cv2" not in sys.modules, "heavy import"
assert threading.active_count() == 1, threading.enumerate()
"""


def run_bare(code, home):
    environment = {"PATH": "", "COLORIZE_HOME": str(home), "SYSTEMROOT": "", "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_light_rooms_stay_light(tmp_path):
    result = run_bare(HEAVY, tmp_path)
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_needs_no_models_of_messages(tmp_path):
    """They take as long to load as all the rest of the command."""
    code = "import colorizer.cli, sys; assert not {'pydantic', 'numpy', 'requests'} & set(sys.modules)"
    result = run_bare(code, tmp_path)
    assert result.returncode == 0, result.stderr


def test_docker_imports_without_an_application(tmp_path):
    code = """
import importlib, pkgutil, threading, krita_colorize
for module in pkgutil.walk_packages(krita_colorize.__path__, "krita_colorize."):
    if "krita_port" not in module.name and "plugin" not in module.name:
        importlib.import_module(module.name)
from krita_colorize.qt import QtWidgets
assert QtWidgets.QApplication.instance() is None
assert threading.active_count() == 1, threading.enumerate()
"""
    result = run_bare(code, tmp_path)
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.iterdir()) == []
