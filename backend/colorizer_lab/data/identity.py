"""Identities (palette and traits) and views (framing and pose) of procedural drawings.

An identity can be drawn in any number of views. This module contains no drawing code.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from colorizer_lab.data.backgrounds import pick_background
from colorizer_lab.data.palette import Palette, draw_palette

Kind = Literal["human", "creature", "object"]
Framing = Literal["head", "bust", "half", "full"]
Fringe = Literal["none", "spiky", "straight", "parted", "swept"]
BackHair = Literal["bald", "short", "bob", "long", "tails", "pony", "bun"]
Ears = Literal["none", "human", "elf", "cat"]
Eyes = Literal["round", "tall", "narrow", "dot", "closed"]
Hat = Literal[
    "none", "cap", "witch", "beret", "helmet", "horns", "ribbon", "phones", "pin", "halo", "crown",
    "hood", "band",
]  # fmt: skip
Collar = Literal["none", "v", "round", "shirt", "scarf", "sailor"]
Tie = Literal["none", "tie", "bow"]
Bottom = Literal["skirt", "dress", "trousers", "shorts", "none"]
Pattern = Literal["none", "stripes", "badge", "buttons", "open", "apron", "yoke"]
Prop = Literal["none", "sword", "staff", "book", "ball", "bag", "flag", "shield"]
Species = Literal["cat", "bear", "bunny", "dragon", "bird", "slime", "fish", "dog"]
Marking = Literal["none", "belly", "spots", "stripes"]
Thing = Literal[
    "house", "car", "mug", "tree", "flower", "robot", "cake", "ship", "mushroom", "lamp", "gem",
    "bubbles", "bottle", "rocket",
]  # fmt: skip


@dataclass(frozen=True)
class Traits:
    """The shapes of one identity. Sizes are in head radii or factors around 1."""

    head_size: float
    legs: float
    stout: float
    chin: float
    fringe: Fringe
    fringe_teeth: int
    back_hair: BackHair
    hair_length: float
    hair_volume: float
    tips: bool
    streak: bool
    ahoge: bool
    side_locks: bool
    ears: Ears
    eyes: Eyes
    eye_size: float
    glasses: bool
    hat: Hat
    collar: Collar
    tie: Tie
    bottom: Bottom
    pattern: Pattern
    sleeve: float
    sock: float
    boots: bool
    gloves: bool
    cape: bool
    shoulder_pads: bool
    prop: Prop
    species: Species
    marking: Marking
    thing: Thing
    count: int
    """Number of repeated elements (petals, spots, candles)."""


@dataclass(frozen=True)
class Identity:
    """One character or thing with its colours."""

    kind: Kind
    palette: Palette
    traits: Traits
    background: str


@dataclass(frozen=True)
class View:
    """A view of an identity. Angles are in radians unless the name says degrees; lengths are in head radii."""

    framing: Framing
    x: float
    """Horizontal position of the character, as a share of the canvas."""
    zoom: float
    yaw: float
    """-1 looks fully left, 1 fully right."""
    tilt_degrees: float
    lean_degrees: float
    arms: tuple[float, float]
    elbows: tuple[float, float]
    legs: tuple[float, float]
    mouth: Literal["none", "line", "smile", "open"]
    blink: bool
    wind: float
    wobble: float


def draw_identity(rng: random.Random) -> Identity:
    """A random identity; three of four are humans."""
    kind: Kind = rng.choices(get_args(Kind), [0.74, 0.14, 0.12])[0]
    return Identity(kind, draw_palette(rng), draw_traits(rng), pick_background(rng))


def draw_traits(rng: random.Random) -> Traits:
    """Random traits."""

    def chance(share: float) -> bool:
        return rng.random() < share

    return Traits(
        head_size=rng.uniform(0.8, 1.7) if chance(0.35) else rng.uniform(0.85, 1.2),
        legs=rng.uniform(0.6, 1.4),
        stout=rng.uniform(0.75, 1.4),
        chin=rng.uniform(0.85, 1.25),
        fringe=_weighted(rng, Fringe, {"spiky": 2}),
        fringe_teeth=rng.randint(3, 8),
        back_hair=_weighted(rng, BackHair, {"bald": 0.4, "short": 2, "long": 2}),
        hair_length=rng.uniform(0.2, 1),
        hair_volume=rng.uniform(1.05, 1.4),
        tips=chance(0.2),
        streak=chance(0.15),
        ahoge=chance(0.3),
        side_locks=chance(0.4),
        ears=_weighted(rng, Ears, {"human": 2}),
        eyes=_weighted(rng, Eyes, {"closed": 0.4, "tall": 2}),
        eye_size=rng.uniform(0.6, 1.25),
        glasses=chance(0.12),
        hat=_weighted(rng, Hat, {"none": 6}),
        collar=_weighted(rng, Collar, {}),
        tie=_weighted(rng, Tie, {"none": 2}),
        bottom=_weighted(rng, Bottom, {"none": 0.5}),
        pattern=_weighted(rng, Pattern, {"none": 2.5}),
        sleeve=rng.uniform(0, 1.05),
        sock=rng.uniform(0, 0.9),
        boots=chance(0.35),
        gloves=chance(0.2),
        cape=chance(0.15),
        shoulder_pads=chance(0.12),
        prop=_weighted(rng, Prop, {"none": 5}),
        species=_weighted(rng, Species, {}),
        marking=_weighted(rng, Marking, {}),
        thing=_weighted(rng, Thing, {}),
        count=rng.randint(2, 6),
    )


def draw_view(rng: random.Random) -> View:
    """A random pose and camera; in one of eight the figure is so near that the frame cuts it."""
    view = View(
        framing=rng.choices(get_args(Framing), [1, 2, 1, 2])[0],
        x=0.5 + rng.gauss(0, 0.06),
        zoom=rng.uniform(0.82, 1.18),
        yaw=rng.uniform(-1, 1) * rng.choice([0.3, 1]),
        tilt_degrees=rng.gauss(0, 9),
        lean_degrees=rng.gauss(0, 5),
        arms=(rng.uniform(-0.3, 2.6), rng.uniform(-0.3, 2.6)),
        elbows=(rng.uniform(-1.4, 1.4), rng.uniform(-1.4, 1.4)),
        legs=(rng.uniform(-0.35, 0.5), rng.uniform(-0.35, 0.5)),
        mouth=rng.choice(["none", "line", "smile", "open"]),
        blink=rng.random() < 0.06,
        wind=rng.uniform(-0.5, 0.5),
        wobble=rng.uniform(0.005, 0.05),
    )
    if rng.random() < 0.12:
        return replace(view, x=0.5 + rng.gauss(0, 0.16), zoom=rng.uniform(1.25, 1.8))
    return view


def _weighted(rng: random.Random, names: Any, weights: dict[str, float]) -> Any:
    """A random name of a `Literal`; names that are not in `weights` have weight 1."""
    choices = get_args(names)
    return rng.choices(choices, [weights.get(name, 1) for name in choices])[0]
