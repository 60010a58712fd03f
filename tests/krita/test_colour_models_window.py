"""A hint in a document that isn't RGB: Redo fills its region with the colour that the canvas shows for the hint."""

import pytest
from test_daily_window import apply, colour, make_hints
from window_steps import open_it

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]


def redo_with_a_hint(rgb):
    """Paints a dot into the sun and presses Redo: R, G, B of dot and sun on the canvas, of the wall before and after,
    the undo steps that it took, and what undo makes of the sun."""
    dot = find(document(), "Colour hints")
    dot.setColorSpace(*SPACES["RGBA U8"])
    fill(dot, (*rgb[::-1], 255), 200, 26, 12, 12)
    dot.setColorSpace(document().colorModel(), document().colorDepth(), document().colorProfile())
    document().refreshProjection()
    yield from ticks(20)
    steps, item = len(undo_steps()), session().document.results[0]
    hint, before = shown(206, 32), shown(80, 140)
    dot.setVisible(False)
    document().refreshProjection()
    sun = shown(206, 32)
    changes = item.changes
    session().redo()
    yield from until(lambda: item.changes > changes or bool(session().error), 120)
    yield from ticks(30)
    found = {"error": session().error, "hint": hint, "filled": shown(206, 32)}
    found |= {"wall": [before, shown(80, 140)], "steps": len(undo_steps()) - steps}
    trigger("edit_undo")
    document().waitForDone()
    yield from ticks(20)
    return {**found, "sun": [sun, shown(206, 32)]}


def shown(x, y):
    return pixel(document(), x, y)[2::-1]


@pytest.mark.parametrize("space", ["CMYKA U8", "GRAYA U8", "GRAYA U16"])
def test_a_hint_comes_back_as_it_was_painted(emptied, space):
    emptied.define(shown)
    emptied.call(open_it, space=space)
    assert emptied.call(colour, timeout_s=150) == ""
    emptied.call(make_hints, timeout_s=90)
    assert emptied.call(apply, timeout_s=90)[0] == ""
    found = emptied.call(redo_with_a_hint, rgb=(200, 160, 50), timeout_s=200)
    assert found["error"] == ""
    assert off(found["hint"], found["filled"]) <= 1, found
    assert found["wall"][0] == found["wall"][1], found
    assert found["steps"] == 1
    assert found["sun"][0] == found["sun"][1], found


def off(one, other):
    return max(abs(a - b) for a, b in zip(one, other, strict=True))
