"""The benchmarks, which no test runs, use only names that our modules define."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))
FOLDERS = {"colorizer": ROOT / "backend", "colorizer_lab": ROOT / "backend", "krita_colorize": ROOT}


def source_of(module):
    """The file of one of our modules; None if there is none."""
    package, *rest = module.split(".")
    place = FOLDERS[package].joinpath(package, *rest)
    files = place.with_suffix(".py"), place / "__init__.py"
    return next((file for file in files if file.is_file()), None)


def names_in(statements):
    """The names that statements bind, also in conditions and in `try`."""
    for one in statements:
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield one.name
        elif isinstance(one, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in one.names)
        elif isinstance(one, ast.Assign | ast.AnnAssign):
            yield from (name.id for name in ast.walk(one) if isinstance(name, ast.Name))
        else:
            for inner in ("body", "orelse", "handlers", "finalbody"):
                yield from names_in(getattr(one, inner, []))


def defines(module, name):
    """Whether a module has a name, or a package a module."""
    file = source_of(module)
    known = set(names_in(ast.parse(file.read_text("utf-8")).body)) if file else set()
    return name in known or source_of(f"{module}.{name}") is not None


def missing_in(source):
    """The names of our modules that Python code uses and that don't exist."""
    tree, modules, missing = ast.parse(source), {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FOLDERS:
            for alias in node.names:
                if not defines(node.module, alias.name):
                    missing.append(f"{node.module}.{alias.name}")
                elif source_of(f"{node.module}.{alias.name}"):
                    modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            module = modules[node.value.id]
            if not defines(module, node.attr):
                missing.append(f"{module}.{node.attr}")
    return missing


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_names_exist(path):
    assert missing_in(path.read_text("utf-8")) == []


def test_renamed_functions_are_noticed():
    used = (
        "from krita_colorize.krita_port import colorize_mask\n"
        "from colorizer.imaging.lines import find_inks\n"
        "colorize_mask.add()\ncolorize_mask.fill()\n"
    )
    assert missing_in(used) == [
        "colorizer.imaging.lines.find_inks",
        "krita_colorize.krita_port.colorize_mask.fill",
    ]
