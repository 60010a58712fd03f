"""The match trainer: it learns, stops when asked, and goes on as if it had never stopped."""

import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
import torch
from colorizer.engines.match.network import MatchNetwork
from colorizer.errors import InvalidInput
from colorizer.training.match import Recipe, learning_rate, train

from tests.training.tiny_match import TINY, stop_at


def weights(run):
    return MatchNetwork.from_pretrained(run / "model").state_dict()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    train(run, recipe=TINY)
    return run


@pytest.fixture(scope="module")
def stopped_and_resumed(tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    train(run, recipe=TINY, progress=stop_at(3))
    train(run, recipe=TINY, resume=True)
    return run


def test_twenty_steps_lower_the_loss(tmp_path):
    seen = []
    recipe = replace(TINY, steps=20, drawings_per_step=0, batch=4, learning_rate=5e-3)
    train(tmp_path, recipe=recipe, progress=lambda now: seen.append(sum(now.losses.values())))
    assert seen[-1] < 0.95 * seen[0]


def test_resumed_weights_are_the_same_bits(finished, stopped_and_resumed):
    for name, value in weights(finished).items():
        assert torch.equal(value, weights(stopped_and_resumed)[name]), name


def test_resumed_state_is_the_same_bits(finished, stopped_and_resumed):
    one, other = (
        torch.load(run / "checkpoint.pt", weights_only=True) for run in (finished, stopped_and_resumed)
    )
    assert one["step"] == other["step"] == TINY.steps
    assert one["drawn"] == other["drawn"]
    for name, value in one["network"].items():
        assert torch.equal(value, other["network"][name]), name


def test_same_seed_same_weights(finished, tmp_path):
    train(tmp_path, recipe=TINY)
    for name, value in weights(finished).items():
        assert torch.equal(value, weights(tmp_path)[name]), name


def test_other_seed_other_weights(finished, tmp_path):
    train(tmp_path, recipe=TINY, seed=1)
    assert not torch.equal(weights(finished)["query.weight"], weights(tmp_path)["query.weight"])


def test_signal_stops_after_the_step(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    train(tmp_path, recipe=TINY, progress=stop_at(2))
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 2
    assert signal.getsignal(signal.SIGTERM) is before


def test_time_limit_stops_and_keeps(tmp_path):
    train(tmp_path, recipe=replace(TINY, steps=10**6), limit_minutes=0)
    assert weights(tmp_path)


def test_trains_beside_the_main_thread(tmp_path):
    recipe = replace(TINY, steps=1)
    thread = threading.Thread(target=train, args=(tmp_path,), kwargs={"recipe": recipe})
    thread.start()
    thread.join()
    assert weights(tmp_path)


def test_log_tells_every_step_and_the_figures(finished):
    lines = [json.loads(line) for line in (finished / "training.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6, 6]
    assert {"samples", "minutes", "attention", "region", "colour", "pick"} <= set(lines[0])
    assert 0 <= lines[-1]["area_right"] <= 1


def test_second_training_in_a_folder_needs_resume(finished):
    with pytest.raises(InvalidInput, match="already holds a training. Add --resume"):
        train(finished, recipe=TINY)


def test_resume_needs_a_training(tmp_path):
    with pytest.raises(InvalidInput, match="holds no training to resume"):
        train(tmp_path, recipe=TINY, resume=True)


def test_learning_rate_rises_then_falls():
    rates = [learning_rate(step, Recipe()) for step in range(Recipe().steps + 1)]
    top = rates.index(max(rates))
    assert rates[0] < rates[top] / 50
    assert top < 300
    assert rates[-1] == pytest.approx(Recipe().learning_rate / 50)


PICTURES_OPENED = """
import sys
from dataclasses import replace
from pathlib import Path
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from colorizer.training.match import Recipe, train
train(Path(sys.argv[1]), recipe=replace(Recipe(), steps=1, batch=2, drawings_kept=2, validation_drawings=1))
kinds = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".ora", ".kra", ".psd", ".npz", ".npy")
print([name for name in opened if name.lower().endswith(kinds)])
"""


def test_opens_no_picture(tmp_path):
    command = [sys.executable, "-c", PICTURES_OPENED, str(tmp_path / "run")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
