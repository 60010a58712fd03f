"""One number for a job whose number of stages nobody knows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.core.progress import Progress

steps = st.tuples(
    st.sampled_from(["stage", "sending", "receiving", "prepared"]),
    st.text("abc", max_size=1),
    st.integers(-1, 9),
)


@given(st.lists(steps, max_size=30))
def test_never_falls_and_ends_at_one(calls: list) -> None:
    progress, before = Progress(), 0.0
    for name, stage, done in calls:
        arguments = {"stage": (stage, done, 5), "prepared": ()}.get(name, (done, 5))
        getattr(progress, name)(*arguments)
        assert before <= progress.fraction < 1
        before = progress.fraction
    progress.finished()
    assert progress.fraction == 1


def test_every_step_of_every_stage_moves_it() -> None:
    progress, seen = Progress(), []
    for stage in ("Finding lines", "Matching", "Filling"):
        for done in (1, 2, 3):
            progress.stage(stage, done, 3)
            seen.append(progress.fraction)
    assert seen == sorted(set(seen))


def test_unknown_totals_do_no_harm() -> None:
    progress = Progress()
    progress.receiving(100, -1)
    progress.stage("x", 0, 0)
    assert 0 < progress.fraction < 1
