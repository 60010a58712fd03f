"""A ColorizeDiffusion training that is stopped, killed or out of disk goes on as if nothing had happened."""

import json
import multiprocessing
import os
import random
import resource
import signal
import time

import pytest
import torch
from colorizer.errors import ColorizerError
from colorizer_lab.training.colorize_diffusion.config import Stage
from colorizer_lab.training.colorize_diffusion.trainer import train
from diffusers import UNet2DConditionModel

FORK = multiprocessing.get_context("fork")


def stop_at(step):
    def progress(now):
        if now.step == step:
            signal.raise_signal(signal.SIGTERM)

    return progress


def weights(run):
    return UNet2DConditionModel.from_pretrained(run / "model" / "unet").state_dict()


def logged(run):
    return [json.loads(line) for line in (run / "training.jsonl").read_text().splitlines()]


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.fixture(scope="module")
def config(chain):
    return chain.config(Stage.V1, steps=6)


@pytest.fixture(scope="module")
def finished(config, tmp_path_factory):
    run = tmp_path_factory.mktemp("whole") / "run"
    train(run, recipe=config)
    return run


def test_resumed_training_is_the_same_to_the_bit(config, finished, tmp_path):
    train(tmp_path, recipe=config, progress=stop_at(4))
    train(tmp_path, resume=True)
    assert same(weights(finished), weights(tmp_path))
    assert [line["step"] for line in logged(tmp_path) if "loss" in line] == [1, 2, 3, 4, 5, 6]


def test_log_tells_gradients_and_held_out_loss(finished):
    lines = logged(finished)
    assert all(line["gradient_norm"] > 0 for line in lines if "loss" in line)
    before, after = (line["held_out"] for line in lines if "held_out" in line)
    assert (lines[0]["step"], lines[-1]["step"]) == (0, 6)
    assert before != after


@pytest.mark.parametrize("changes", [{"gradient_checkpointing": True}, {"precision": "bf16"}])
def test_saving_memory_trains_nearly_the_same(chain, finished, tmp_path, changes):
    train(tmp_path, recipe=chain.config(Stage.V1, steps=6, **changes))
    exact, saved = weights(finished), weights(tmp_path)
    loose = 0.02 if "precision" in changes else 1e-4
    assert all(torch.allclose(value, saved[name], atol=loose) for name, value in exact.items())


def start_child(out, config, **options):
    child = FORK.Process(target=_train_quietly, args=(out, config), kwargs=options)
    child.start()
    return child


def _train_quietly(out, config, *, largest_file=None):
    if largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    try:
        train(out, recipe=config, resume=(out / "checkpoint.pt").exists())
    except ColorizerError as error:
        (out.parent / "sentence").write_text(str(error))
        os._exit(1)
    os._exit(0)


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def test_kill_at_any_moment_leaves_nothing_half_written(chain, finished, tmp_path):
    run, moments = tmp_path / "run", random.Random(7)
    config = chain.config(Stage.V1, steps=6, save_every=1)
    for _ in range(3):
        child = start_child(run, config)
        wait_for(lambda: (run / "checkpoint.pt").exists())
        child.join(moments.uniform(0, 1.5))
        child.kill()
        child.join()
        assert torch.load(run / "checkpoint.pt", weights_only=True)["step"] >= 1
    train(run, resume=True)
    assert same(weights(finished), weights(run))
    assert not [path for path in run.iterdir() if path.suffix in (".part", ".old")]


def test_full_disk_keeps_what_was_saved(chain, finished, tmp_path):
    run = tmp_path / "run"
    config = chain.config(Stage.V1, steps=6)
    train(run, recipe=config, progress=stop_at(3))
    child = start_child(run, config, largest_file=100_000)
    child.join(60)
    assert child.exitcode == 1
    assert "disk is full" in (tmp_path / "sentence").read_text()
    assert "--resume" in (tmp_path / "sentence").read_text()
    train(run, resume=True)
    assert same(weights(finished), weights(run))
