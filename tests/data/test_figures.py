"""Every trait that an identity can have can be drawn, and shows."""

import random
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from colorizer_lab.data import identity as who
from colorizer_lab.data.backgrounds import BACKGROUNDS, draw_background
from colorizer_lab.data.canvas import Canvas
from colorizer_lab.data.creatures import draw_creature
from colorizer_lab.data.humans import draw_human
from colorizer_lab.data.lines import draw_line_style
from colorizer_lab.data.objects import THINGS, draw_object
from colorizer_lab.data.palette import Part
from colorizer_lab.data.shapes import box

PLAIN_STYLE = replace(
    draw_line_style(random.Random(0)), see_through=False, inked_hair=False, edges_only=False,
    doubled=False, dashed=False, dropped=0, width=0.01, gray=0, detail=0,
)  # fmt: skip
VIEW = replace(who.draw_view(random.Random(0)), framing="half", blink=False, x=0.5, zoom=1, yaw=0.2)
BARE = replace(
    who.draw_traits(random.Random(0)), hat="none", collar="none", tie="none", bottom="none",
    pattern="none", prop="none", back_hair="bald", fringe="none", ears="none", eyes="closed",
    marking="none", side_locks=False, ahoge=False, shoulder_pads=False, cape=False, sleeve=0.1,
)  # fmt: skip


def drawing_of(draw, traits, view=VIEW, style=PLAIN_STYLE):
    canvas = Canvas(96, style, seed=7)
    canvas.shape(box(0, 0, 1, 1), Part.BACKDROP, 0)
    draw(canvas, traits, view)
    return canvas.finish()


def human_cases():
    closed_sets = {
        "hat": who.Hat, "collar": who.Collar, "tie": who.Tie, "bottom": who.Bottom,
        "pattern": who.Pattern, "prop": who.Prop, "back_hair": who.BackHair, "ears": who.Ears,
        "eyes": who.Eyes,
    }  # fmt: skip
    bare = {name: getattr(BARE, name) for name in closed_sets}
    return [
        (name, value)
        for name, values in closed_sets.items()
        for value in get_args(values)
        if value != bare[name]
    ]


@pytest.mark.parametrize(("trait", "value"), human_cases())
def test_human_trait_shows(trait, value):
    usual = drawing_of(draw_human, BARE)
    dressed = drawing_of(draw_human, replace(BARE, **{trait: value}))
    assert np.any(usual.parts != dressed.parts) or np.any(usual.lines != dressed.lines)


@pytest.mark.parametrize("fringe", ["spiky", "straight", "parted", "swept"])
def test_fringe_covers_the_forehead(fringe):
    haired = replace(BARE, back_hair="short", fringe=fringe)
    without = replace(haired, fringe="none")
    hair = [np.sum(drawing_of(draw_human, t).parts == Part.HAIR) for t in (haired, without)]
    assert hair[0] > hair[1]


@pytest.mark.parametrize("species", get_args(who.Species))
def test_species_has_body_and_eyes(species):
    parts = drawing_of(draw_creature, replace(BARE, species=species)).parts
    assert {Part.BODY, Part.CREATURE_EYE} <= set(np.unique(parts).tolist())


@pytest.mark.parametrize("marking", ["belly", "spots", "stripes"])
def test_marking_shows(marking):
    parts = drawing_of(draw_creature, replace(BARE, species="cat", marking=marking)).parts
    assert np.any(parts != drawing_of(draw_creature, replace(BARE, species="cat")).parts)


@pytest.mark.parametrize("thing", get_args(who.Thing))
def test_thing_has_two_colours(thing):
    parts = drawing_of(draw_object, replace(BARE, thing=thing)).parts
    assert len(set(np.unique(parts).tolist()) - {Part.BACKDROP}) >= 2


def test_every_thing_has_a_drawer():
    assert set(get_args(who.Thing)) == set(THINGS)


@pytest.mark.parametrize("kind", [kind for kind in BACKGROUNDS if kind != "plain"])
def test_background_draws_background_only(kind):
    canvas = Canvas(64, PLAIN_STYLE, seed=3)
    draw_background(canvas, kind)
    found = set(np.unique(canvas.finish().parts).tolist())
    assert len(found) > 1
    assert found <= {Part.BACKDROP, Part.GROUND, Part.SHAPE, Part.ORNAMENT}


def test_style_changes_no_label():
    wild = replace(PLAIN_STYLE, doubled=True, dashed=True, dropped=0.5, detail=1, width=0.02)
    traits = who.draw_traits(random.Random(5))
    usual, other = drawing_of(draw_human, traits), drawing_of(draw_human, traits, style=wild)
    assert np.array_equal(usual.parts, other.parts)
    assert np.array_equal(usual.instances, other.instances)
    assert not np.array_equal(usual.lines, other.lines)


def test_inked_hair_is_solid():
    style = replace(PLAIN_STYLE, inked_hair=True)
    traits = replace(BARE, back_hair="long", hair_length=1)
    drawing = drawing_of(draw_human, traits, style=style)
    assert np.median(drawing.lines[drawing.parts == Part.HAIR]) == 0


def test_lines_from_edges_follow_the_labels():
    drawing = drawing_of(draw_human, BARE, style=replace(PLAIN_STYLE, edges_only=True))
    border = drawing.instances[:, 1:] != drawing.instances[:, :-1]
    assert drawing.lines[:, 1:][border].mean() < 128 < drawing.lines[:, 1:][~border].mean()
