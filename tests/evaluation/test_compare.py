"""Two reports compared: the mean difference, and an interval that tells it from chance."""

import numpy as np
import pytest
from colorizer.errors import InvalidInput
from colorizer_lab.evaluation.compare import compare, interval, table


def report(values, kind="triplet"):
    return {
        "items": [
            {
                "id": f"cats-{'cross' if i % 2 else 'self'}_{i:02d}", "kind": kind, "family": "cats-x",
                "class": "hard", "figure_within_10": value, "area_within_10": value,
                "regions_within_10": value / 2,
            }
            for i, value in enumerate(values)
        ]
    }  # fmt: skip


def test_the_same_report_differs_by_nothing():
    values = np.linspace(0, 1, 12)
    assert all(one.low == one.high == 0 for one in compare(report(values), report(values)))


def test_a_steady_gain_is_told_from_chance_and_noise_is_not():
    rng = np.random.default_rng(1)
    values = rng.random(40) / 2
    gain, noise = values + 0.1 + rng.normal(0, 0.02, 40), values + rng.normal(0, 0.2, 40)
    assert compare(report(values), report(gain))[0].low > 0.05
    low, high = (getattr(compare(report(values), report(noise))[0], end) for end in ("low", "high"))
    assert low < 0 < high


def test_groups_are_classes_and_kinds_of_pairs():
    found = compare(report(np.zeros(6)), report(np.ones(6)))
    assert [one.group for one in found[::3]] == ["all", "hard", "self", "cross"]
    assert [one.items for one in found[::3]] == [6, 6, 3, 3]
    assert "0.000 -> 1.000  +1.000 [+1.000, +1.000]" in table(found)


def test_families_keep_their_weight():
    differences = np.array([1.0] * 5 + [0.0] * 15)
    assert interval(differences, ["a"] * 5 + ["b"] * 15) == (0.25, 0.25)


def test_reports_of_two_corpora_are_refused():
    with pytest.raises(InvalidInput, match="no coloured item in common"):
        compare(report([1.0]), {"items": []})
