"""The options: their ranges, what dockers are told about them, and the words of the command line."""

from __future__ import annotations

import pytest
from colorizer.cli_options import settings_of
from colorizer.errors import InvalidInput
from colorizer.protocol.options import ADVANCED, Advanced, Options, table
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

NUMBERS = [option for option in table() if option.kind == "number" and option.name in ADVANCED]


def test_the_table_has_every_option_once_and_explains_it() -> None:
    names = [option.name for option in table()]
    assert names == [*(name for name in Options.model_fields if name != "advanced"), *ADVANCED]
    assert all(option.title and option.tooltip for option in table())


def test_defaults_are_within_their_own_ranges() -> None:
    told = {option.name: option.default for option in table()}
    assert Advanced(**{name: told[name] for name in ADVANCED}) == Advanced()
    assert Options(**{name: value for name, value in told.items() if name not in ADVANCED}) == Options()


@given(st.data())
def test_numbers_are_taken_exactly_within_their_range(data: st.DataObject) -> None:
    option = data.draw(st.sampled_from(NUMBERS))
    value = data.draw(st.floats(option.low, option.high))
    assert getattr(Advanced(**{option.name: value}), option.name) == value
    for wrong in (option.low - 0.01, option.high + 0.01, float("nan"), float("inf"), True, "1", None):
        with pytest.raises(ValidationError):
            Advanced(**{option.name: wrong})


@pytest.mark.parametrize(
    "values", [{"injection": 1}, {"sampler": "Eulr"}, {"text_edits": "x" * 5000}, {"lora": None}]
)
def test_wrong_values_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Advanced(**values)


def test_options_of_later_versions_are_ignored() -> None:
    assert Advanced(of_tomorrow=3) == Advanced()


def test_choices_have_titles() -> None:
    titles = {choice.value: choice.title for option in table() for choice in option.choices}
    assert titles["roughs"] == "Roughs"
    assert titles["diffuser_dpm"] == "DPM (diffusers)"
    assert titles["Euler a"] == "Euler a"


def test_words_become_settings() -> None:
    found = settings_of(["guidance=6", "injection=yes", "sampler=Euler a", "text_edits=a=b"])
    assert (found.guidance, found.injection, found.sampler, found.text_edits) == (6, True, "Euler a", "a=b")


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("guidance", "NAME=VALUE"),
        ("guidance=much", "guidance"),
        ("guidance=99", "less than or equal to 15, not 99"),
        ("injection=7", "injection"),
        ("=1", "no setting ''. Choose one of: reference_strength"),
    ],
)
def test_wrong_words_get_a_sentence(word: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        settings_of([word])
