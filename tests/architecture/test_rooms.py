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


def modules(folder, package):
    """The modules of a package, by their names."""
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        yield ".".join((package, *parts)).removesuffix(".__init__"), path


def needed(path, known):
    """The modules among `known` that a file imports when it runs, in functions, too; not what is for types only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typed = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    ]
    for_types = {id(inner) for node in typed for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in for_types:
            names = [f"{node.module}.{name.name}" for name in node.names]
            yield from (name if name in known else node.module for name in names)


@pytest.mark.parametrize("package", ["krita_colorize", "colorizer", "colorizer_lab"])
def test_no_module_needs_itself_by_way_of_another(package):
    folder = ROOT / package if (ROOT / package).is_dir() else ROOT / "backend" / package
    known = dict(modules(folder, package))
    left = {name: set(needed(path, known)) & set(known) - {name} for name, path in known.items()}
    while ready := [name for name, others in left.items() if not others & set(left)]:
        for name in ready:
            del left[name]
    assert left == {}


def test_no_module_is_unreasonably_long():
    long = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in [*DOCKER, *BACKEND]}
    assert {name: lines for name, lines in long.items() if lines > 600} == {}
