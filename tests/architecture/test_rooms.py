"""The rooms and their arrows (DESIGN section 2), checked where the linter runs and with the standard library alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib

ROOT = Path(__file__).resolve().parents[2]
DOCKER = sorted((ROOT / "krita_colorize").rglob("*.py"))
BACKEND = sorted((ROOT / "backend").rglob("*.py"))


def imports(path):
    """Top-level package names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0]


def test_import_contracts_hold():
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", DOCKER, ids=lambda path: str(path.relative_to(ROOT)))
def test_docker_needs_standard_library_and_gates_only(path):
    allowed = {"krita_colorize"}
    if path.name == "qt.py":
        allowed |= {"PyQt5", "PyQt6", "pykrita"}
    if "krita_port" in path.parts:
        allowed |= {"krita"}
    assert set(imports(path)) - sys.stdlib_module_names <= allowed


def test_what_tests_share_is_found_from_every_folder():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    folders = {f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/*.py")}
    assert folders - set(settings["pythonpath"]) == set()


def test_only_the_server_knows_http():
    knowing = {path for path in BACKEND if {"fastapi", "starlette", "uvicorn"} & set(imports(path))}
    assert all("server" in path.parts for path in knowing)


def test_no_module_is_unreasonably_long():
    long = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in [*DOCKER, *BACKEND]}
    assert {name: lines for name, lines in long.items() if lines > 600} == {}
