"""What a sketch layer remembers, and how it survives saving, later versions and garbage."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.core import settings
from krita_colorize.core.modes import Mode
from krita_colorize.core.settings import Options, Reference, Settings, Source, SourceKind

names = st.text(max_size=20)
sources = st.builds(Source, st.sampled_from(SourceKind), st.text(min_size=1, max_size=20), names)
options = st.builds(
    Options,
    palette_lock=st.booleans(),
    style_detail=st.booleans(),
    background_detail=st.booleans(),
    line_gap=st.floats(0, settings.MAX_LINE_GAP),
    steps=st.integers(0, 1000),
    size=st.integers(0, 16384),
    colorize_mask=st.booleans(),
    colour_paper=st.booleans(),
)
layer_settings = st.builds(
    Settings,
    mode=st.sampled_from(Mode),
    engine=st.text(min_size=1, max_size=10),
    model=names,
    references=st.lists(st.builds(Reference, sources, names), max_size=settings.MAX_REFERENCES).map(tuple),
    sketch_mask=names,
    background=names,
    seed=st.integers(0, settings.MAX_SEED),
    options=options,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=40), layer_settings, max_size=3))
def test_round_trip(layers: dict[str, Settings]) -> None:
    assert settings.load(settings.dump(layers)) == settings.Stored(layers)


def test_no_note_is_no_problem() -> None:
    assert settings.load(None) == settings.Stored({})


@given(st.binary(max_size=100) | json_values.map(lambda value: json.dumps(value).encode()))
def test_garbage_gives_defaults_and_a_sentence(note: bytes) -> None:
    stored = settings.load(note)
    assert stored.problem in (settings.BROKEN, settings.FROM_LATER_VERSION, "")
    assert all(isinstance(value, Settings) for value in stored.layers.values())


@given(st.dictionaries(st.sampled_from(list(settings.to_json(Settings()))), json_values))
def test_each_broken_field_gets_its_default(fields: dict) -> None:
    read = settings.from_json(fields)
    assert 0 <= read.seed <= settings.MAX_SEED
    assert read.mode in Mode
    assert settings.from_json(settings.to_json(read)) == read


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", -1),
        ("seed", 2**31),
        ("seed", True),
        ("mode", "halves"),
        ("references", "x"),
        ("references", [3]),
    ],
)
def test_values_out_of_range_get_their_default(field: str, value: object) -> None:
    assert settings.from_json({field: value}) == Settings()


def test_later_versions_are_read_as_far_as_known() -> None:
    note = json.dumps({"version": 99, "layers": {"a": {"mode": "split", "sparkle": 3}}}).encode()
    stored = settings.load(note)
    assert stored.layers == {"a": Settings(mode=Mode.SPLIT)}
    assert stored.problem == settings.FROM_LATER_VERSION


@pytest.mark.parametrize(
    "note", [b"", b"\xff", b"[]", b"{}", b'{"version": 1, "layers": {"a": 1}}', b"[" * 100_000]
)
def test_broken_notes_say_so(note: bytes) -> None:
    assert settings.load(note).problem == settings.BROKEN
