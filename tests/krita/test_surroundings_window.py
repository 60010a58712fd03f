"""Krita's window where an artist's computer isn't tidy: folders with odd names, an odd locale, other Qt bindings."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from colorizer_lab.krita import session
from test_daily_window import colour
from window_steps import DOCKER, open_it

pytestmark = [pytest.mark.window, pytest.mark.timeout(400)]

BACKEND = [sys.executable, "-m", "colorizer", "serve"]
INSIDE = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1]), str(Path(__file__).parent)]


def in_krita(display, variables):
    """A coloured drawing in a Krita with these variables: what the docker says, and how many results there are."""
    with session.windowed(display, backend=BACKEND, variables=variables) as krita:
        krita.call(f"import sys\nsys.path[:0] = {INSIDE}\n{DOCKER}")
        krita.call(open_it)
        return [krita.call(colour, timeout_s=300), krita.call(results), krita.call(binding)]


def results():
    return len(session().document.results)


def binding():
    return sorted({name.partition(".")[0] for name in sys.modules if name.startswith(("PyQt", "PySide"))})


def long_home(folder):
    """180 bytes long, on another drive that a link leads to."""
    drive = folder / "drive"
    drive.mkdir()
    (folder / "link").symlink_to(drive)
    home = folder / "link" / ""
    return Path(f"{home}/{'x' * (180 - len(os.fsencode(home)) - 1)}"), {}


def odd_home(folder):
    """With bytes that aren't UTF-8, in a Chinese locale whose encoding isn't either."""
    made = folder / "locales" / "zh_CN.GB2312"
    made.parent.mkdir()
    if shutil.which("localedef"):
        subprocess.run(["localedef", "-i", "zh_CN", "-f", "GB2312", made], check=False, capture_output=True)
    variables = {"LC_ALL": made.name, "LANG": made.name, "LOCPATH": str(made.parent)} if made.is_dir() else {}
    return Path(os.fsdecode(os.fsencode(folder) + b"/\xd6\xd0\xce\xc4 \xff")), variables


@pytest.mark.parametrize("make", [long_home, odd_home])
def test_the_home_folder_may_be_anywhere(display, tmp_path, make):
    home, variables = make(tmp_path)
    home.mkdir(parents=True)
    error, count, _ = in_krita(display, {**variables, "COLORIZE_HOME": str(home)})
    assert (error, count) == ("", 1)
    assert (home / "backend.json").exists()


def test_other_bindings_are_left_alone(display, tmp_path):
    for name in ("PySide2", "PySide6"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemError('not for Krita')")
    error, count, loaded = in_krita(display, {"PYTHONPATH": str(tmp_path)})
    assert (error, count) == ("", 1)
    assert len(loaded) == 1
    assert loaded[0].startswith("PyQt")


LIMITED = "import resource, runpy\nresource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30))\n"


def colour_large(side):
    """What the docker says when a drawing of this size was to be coloured; the longest pause of Krita's, s."""
    yield from open_drawing("RGBA U8", side)
    model = session().document
    session().references.add_layer(model, next(one for one in model.layers if one.name == "Reference"))
    yield from ticks(20)
    session().colorize()
    ends, last, longest = time.monotonic() + 200, time.monotonic(), 0.0
    while not session().error and not model.results and time.monotonic() < ends:
        yield
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    return [session().error, len(model.results), longest]


def test_two_gigabytes_and_a_canvas_of_8192_px_end_in_a_sentence(display, tmp_path):
    limited = tmp_path / "limited.py"
    limited.write_text(LIMITED + "runpy.run_module('colorizer', run_name='__main__', alter_sys=True)\n")
    with session.windowed(display, backend=[sys.executable, str(limited), "serve"]) as krita:
        krita.call(f"import sys, time\nsys.path[:0] = {INSIDE}\n{DOCKER}")
        error, count, longest = krita.call(colour_large, side=8192, timeout_s=300)
        assert count == 0
        assert "memory" in error
        assert longest < 5
        krita.call(close_everything)
        krita.call(open_it)
        assert krita.call(colour, timeout_s=200) == ""


def close_everything():
    session().report("")
    yield from close_all()
