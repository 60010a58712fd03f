"""The match trainer: it learns, stops when asked, and goes on as if it had never stopped."""

import json
import random
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from colorizer.engines.match.network import Features, MatchNetwork
from colorizer.errors import InvalidInput
from colorizer_lab.data.art.pairs import pair_of
from colorizer_lab.data.drawing import triplet
from colorizer_lab.training import match
from colorizer_lab.training.match import Recipe, _part_loss, learning_rate, match_losses, train
from colorizer_lab.training.match_data import collate, key_parts

from tests.data.drawn_art import fills
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
    with pytest.raises(InvalidInput, match="already contains a training. Add --resume"):
        train(finished, recipe=TINY)


def test_resume_needs_a_training(tmp_path):
    with pytest.raises(InvalidInput, match="contains no training to resume"):
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
from colorizer_lab.training.match import Recipe, train
train(Path(sys.argv[1]), recipe=replace(Recipe(), steps=1, batch=2, drawings_kept=2, validation_drawings=1))
kinds = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".ora", ".kra", ".psd", ".npz", ".npy")
libraries = "site-packages"  # scikit-image keeps tables of its own there
print([name for name in opened if name.lower().endswith(kinds) and libraries not in name])
"""


def test_opens_no_picture(tmp_path):
    command = [sys.executable, "-c", PICTURES_OPENED, str(tmp_path / "run")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def art(seed, size):
    return pair_of(
        fills(), fills(moved=5), fills(shade=True), random.Random(seed), size, painted=False
    ).triplet()


def test_real_art_and_shapes_have_their_shares_of_the_batch_and_resume_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(match, "_art_drawer", lambda: art)
    recipe = replace(TINY, batch=4, art=0.5, abstract=0.25, art_kept=3, drawings_per_step=4)
    for run in ("whole", "resumed"):
        train(tmp_path / run, recipe=recipe, progress=stop_at(3) if run == "resumed" else lambda _: None)
    train(tmp_path / "resumed", recipe=recipe, resume=True)
    states = [torch.load(tmp_path / run / "checkpoint.pt", weights_only=True) for run in ("whole", "resumed")]
    assert states[0]["drawn"] == states[1]["drawn"] == [6 + 6, 3 + 12, 6 + 6]
    assert torch.equal(
        weights(tmp_path / "whole")["query.weight"], weights(tmp_path / "resumed")["query.weight"]
    )


def test_drawings_and_real_art_are_one_batch():
    batch = collate([triplet(1, 64), art(1, 64)])
    assert batch.named.tolist() == [True, False]
    assert batch.palette.shape == (2, 256, 3)


def test_of_unnamed_parts_only_the_side_is_learned():
    logits = torch.zeros(2, 1, 32)
    logits[..., 7] = 9.0  # sure of one part of the figure, not the right one
    loss = [
        _part_loss(logits[:1], torch.tensor([[12]]), torch.tensor([named])).item() for named in (True, False)
    ]
    assert loss[0] > 8
    assert loss[1] < 0.01


FIGURE, PAPER = 4, 0


def loss_by_key(*, masks=True):
    """The attention loss of a white part of the figure, if all attention is on the reference's figure, or on its paper.

    The figure is the lower half of the picture; it and the paper are white.
    """
    drawing = triplet(1, 64)
    parts = np.full((64, 64), PAPER, np.uint8)
    parts[32:] = FIGURE
    white = np.ones_like(drawing.palette)
    batch = collate([replace(drawing, parts=parts, reference_parts=parts, palette=white)])
    if not masks:
        batch = replace(batch, ink_mask=batch.ink_mask * 0, reference_mask=batch.reference_mask * 0)
    keys, places = key_parts(batch.reference_parts, 8).flatten(), torch.zeros(1, 1, 1, dtype=torch.long)
    none, part_logits = torch.empty(0), torch.zeros(1, 32, 8, 8)
    features = Features(none, none, none, none, none, torch.ones(1, 64, 3), part_logits, part_logits)
    losses = []
    for side in (FIGURE, PAPER):
        logits = torch.cat([(keys == side) * 20.0, torch.zeros(1)])[None, None, None]
        found = match_losses(batch, features, logits, places, torch.full((1, 1), FIGURE))
        losses.append(found["attention"].item())
    return losses


def test_white_paper_is_not_the_colour_of_a_white_part():
    figure, paper = loss_by_key(masks=False)
    assert figure < 0.01
    assert paper > 5


def test_between_known_masks_the_other_side_is_not_read():
    figure, paper = loss_by_key()
    assert figure < 0.01
    assert paper == pytest.approx(0.5 * np.log(33 / 32), abs=1e-3)  # of 32 equal keys and the null key
