"""The table of finer settings: names, ranges, words of the command line."""

from dataclasses import asdict, fields

import pytest
from colorizer.engines import advanced
from colorizer.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = [item for item in fields(advanced.Advanced) if "range" in item.metadata]


def test_standard_is_within_its_own_ranges():
    assert advanced.read(asdict(advanced.STANDARD)) == advanced.STANDARD


@given(st.data())
def test_numbers_are_taken_exactly_within_their_range(data):
    item = data.draw(st.sampled_from(NUMBERS))
    low, high = item.metadata["range"]
    value = data.draw(st.floats(low, high))
    assert getattr(advanced.read({item.name: value}), item.name) == value
    for wrong in (low - 0.01, high + 0.01, float("nan"), float("inf"), True, "1", None):
        with pytest.raises(InvalidInput, match=f"`{item.name}` must be"):
            advanced.read({item.name: wrong})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"injection": 1}, "yes or no"),
        ({"sampler": "Eulr"}, "one of diffuser_dpm"),
        ({"text_edits": "x" * 5000}, "a text, not this"),
        ({"nonsense": 1}, "no setting 'nonsense'. There is: reference_strength"),
    ],
)
def test_wrong_values_get_a_sentence(values, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        advanced.read(values)


def test_words_become_settings():
    found = advanced.read_words(["guidance=6", "injection=yes", "sampler=Euler a", "text_edits=a=b"])
    assert (found.guidance, found.injection, found.sampler, found.text_edits) == (6, True, "Euler a", "a=b")


@pytest.mark.parametrize("word", ["guidance", "guidance=much", "injection=7", "=1"])
def test_wrong_words_get_a_sentence(word):
    with pytest.raises(InvalidInput):
        advanced.read_words([word])
