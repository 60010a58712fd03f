"""What `krita_port` uses of Krita's and Qt's interfaces, found in its source, and what of it a running Krita lacks.

`uses` and `stubbed` read source and run anywhere; `lacking` runs inside Krita. An attribute of a value whose class the
source doesn't tell has to be there in any class at all; mypy holds such uses against `typings/krita.pyi`, each name of
which is looked up in its own class.
"""

import ast
import builtins
import importlib
import logging
import pathlib
import re
import types

ROOTS = ("krita", "krita_colorize.qt")
"""Modules whose names are followed."""

PLAIN = [value for value in vars(builtins).values() if isinstance(value, type)]
PLAIN += [logging.Logger, pathlib.PurePath, types.FunctionType, re.Pattern]


def uses(source, file):
    """What a file uses: `[[place, [name, ...]], ...]`, once from a root's import on, once for any other value."""
    tree = ast.parse(source)
    roots, foreign = {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ROOTS:
            roots |= {name.asname or name.name: [node.module, name.name] for name in node.names}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            foreign |= {name.asname or name.name.partition(".")[0] for name in node.names}
    chains = [[f"{file}:1", chain] for chain in roots.values()]
    attributes = []
    for node in _asked_of_every_qt(tree):
        if isinstance(node, ast.Attribute):
            names, value = _chain(node)
            place = f"{file}:{node.lineno}"
            if isinstance(value, ast.Name) and value.id in roots:
                chains.append([place, [*roots[value.id], *names]])
            elif not (isinstance(value, ast.Name) and value.id in foreign):
                attributes += [[place, [name]] for name in names]
    return {"chains": chains, "attributes": attributes, "own": sorted(_own_names(tree))}


def _asked_of_every_qt(node):
    """All nodes but those of functions that ask `IS_QT6`: what they use is there in one Qt only."""
    for child in ast.iter_child_nodes(node):
        named = [inner.id for inner in ast.walk(child) if isinstance(inner, ast.Name)]
        if isinstance(child, ast.FunctionDef) and "IS_QT6" in named:
            continue
        yield child
        yield from _asked_of_every_qt(child)


def _chain(node):
    names = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return names, node


def _own_names(tree):
    """Names that the source itself gives to attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                targets = getattr(line, "targets", None) or [getattr(line, "target", None)]
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def stubbed(source):
    """Every name of the stub: `[version that brought it or "", ["krita", class, name]]`."""
    lines, found = source.splitlines(), []

    def since(node):
        return (re.search(r"# (\d+\.\d+)$", lines[node.lineno - 1]) or [None, ""])[1]

    def take(node, chain, version):
        for line in node.body:
            if isinstance(line, ast.ClassDef | ast.FunctionDef):
                brought = since(line) or version
                found.append([brought, [*chain, line.name]])
                if isinstance(line, ast.ClassDef):
                    take(line, [*chain, line.name], brought)
            elif isinstance(line, ast.Assign):
                found.append([version, [*chain, line.targets[0].id]])

    take(ast.parse(source), ["krita"], "")
    return found


def lacking(used, stub, version):
    """Sentences on what this Krita (its version in numbers) lacks of what is used, and on unscoped enumerators."""
    later = {chain[-1] for brought, chain in stub if brought and _numbers(brought) > version}
    problems = [
        _problem(chain, "the stub") for brought, chain in stub if not brought or _numbers(brought) <= version
    ]
    problems += [_problem(chain, place) for place, chain in used["chains"] if chain[-1] not in later]
    modules = [importlib.import_module("krita"), *_qt_modules()]
    classes = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    sip = importlib.import_module(_qt_modules()[0].__name__.partition(".")[0] + ".sip")
    known = (
        {name for one in [*classes, *PLAIN, sip, sip.voidptr] for name in dir(one)} | set(used["own"]) | later
    )
    problems += [
        f"{place}: no class has {name}" for place, (name,) in used["attributes"] if name not in known
    ]
    return [problem for problem in problems if problem]


def _qt_modules():
    qt = importlib.import_module("krita_colorize.qt")
    return [value for name, value in vars(qt).items() if name.startswith("Qt")]


def _problem(chain, place):
    value = importlib.import_module(chain[0])
    for number, name in enumerate(chain[1:], 1):
        holder = value
        if not hasattr(holder, name):
            return f"{place}: {'.'.join(chain[:number])} has no {name}"
        value = getattr(holder, name)
    kind = type(value)
    if isinstance(holder, type) and holder is not kind and getattr(holder, kind.__name__, None) is kind:
        return f"{place}: {'.'.join(chain)} is unscoped, it belongs to {kind.__name__}"
    return ""


def _numbers(version):
    return [int(number) for number in version.split(".")]
