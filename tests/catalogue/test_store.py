"""The models folder: installed whole or not at all, verified, removed; recognised by content, never by name."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import published_files
import pytest
import torch
from colorizer.catalogue import entries
from colorizer.catalogue.convert import Choices, recognise
from colorizer.catalogue.download import Rules
from colorizer.catalogue.entries import Catalogue, Entry, Kind, Licence, Remote
from colorizer.catalogue.store import ModelState, Store, default_name
from colorizer.engines.anime_diffusion.engine import AnimeDiffusionEngine
from colorizer.engines.cards import cards
from colorizer.engines.colorize_diffusion import previews, towers
from colorizer.errors import (
    Cancelled,
    DownloadFailed,
    InvalidInput,
    MissingModel,
    UnknownEngine,
    UnusableModel,
)
from colorizer_lab.evaluation.features import INCEPTION, InceptionFeatures
from diffusers import AutoencoderTiny
from safetensors.torch import save_file

QUICK = Rules(("127.0.0.1",), secure=False, timeout_s=2, tries=2, pause_s=0.01)
LICENCE = Licence("Own", "Do what you like.", commercial=True, url="https://example.org")


def silent(*_):
    pass


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return published_files.anime_checkpoint(tmp_path_factory.mktemp("published") / "trained.pth")


@pytest.fixture
def store(host, home, checkpoint):
    """A catalogue of one small model, on the host."""
    host.content = checkpoint.read_bytes()
    file = Remote(host.url, "trained.pth", len(host.content))
    entry = Entry("faces", "Faces", "anime_diffusion", Kind.ANIME_DIFFUSION, "Faces.", LICENCE, (file,), 500)
    return Store(Catalogue((entry,)), QUICK)


def get(store):
    return store.download("faces", silent, accept_licence=True)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_download_ends_in_a_model_that_the_engine_finds(store, home):
    assert get(store) == ["faces"]
    (model,) = AnimeDiffusionEngine().info.models
    assert (model.name, model.title, model.licence) == ("faces", "Faces", "Own")
    assert len(model.sha256) == 64
    assert AnimeDiffusionEngine().info.missing == ""
    assert names(home / "models") == ["faces"]
    assert names(home / "downloads") == []


def test_list_follows_the_model(store, host):
    def state():
        (model,) = store.models()
        return model.state

    assert state() is ModelState.ABSENT
    host.always = "cut"
    with pytest.raises(DownloadFailed):
        get(store)
    assert state() is ModelState.PARTIAL
    host.always = ""
    get(store)
    assert state() is ModelState.INSTALLED
    assert get(store) == []


def test_licence_is_shown_and_must_be_accepted(store, host):
    with pytest.raises(InvalidInput, match=r"licence Own. Do what you like.*--accept-licence"):
        store.download("faces", silent, accept_licence=False)
    assert host.heard == []


def test_needed_models_come_first(store, host, home):
    (first,) = store.catalogue.entries
    second = Entry(
        **{**vars(first), "name": "more", "needs": ("faces",), "files": (Remote(host.url, "b.pth", 1 << 30),)}
    )
    both = Store(Catalogue((first, second)), QUICK)
    assert [entry.name for entry in both.wanted("more")] == ["faces", "more"]
    with pytest.raises(DownloadFailed, match="isn't the published file"):
        both.download("more", silent, accept_licence=True)
    assert names(home / "models") == ["faces"]


def test_cancelled_download_is_kept_and_goes_on(store, host, home):
    def stop(words, done, total):
        if done:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        store.download("faces", stop, accept_licence=True)
    assert names(home / "models") == []
    assert get(store) == ["faces"]
    assert "Range" in host.heard[-1]


def test_cancelled_installation_leaves_the_download(store, host, home):
    def stop(words, done, total):
        if words.startswith("Checking"):
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        store.download("faces", stop, accept_licence=True)
    assert names(home / "models") == []
    get(store)
    assert len(host.heard) == 1


def test_verify_finds_what_changed(store, home):
    get(store)
    assert store.verify("faces", silent) == []
    weights = home / "models/faces/unet/diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    (home / "models/faces/scheduler/scheduler_config.json").unlink()
    first, second = store.verify("faces", silent)
    assert "scheduler_config.json is missing." in first
    assert "has changed since the installation" in second


def test_remove_takes_all_of_it(store, home):
    get(store)
    store.remove("faces")
    assert names(home / "models") == []
    with pytest.raises(UnknownEngine, match="no model 'faces' on this machine"):
        store.remove("faces")


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", "", "C:x", "x" * 65, "a\x00"])
def test_names_never_leave_the_folder(store, name):
    for change in (store.remove, lambda name: store.verify(name, silent)):
        with pytest.raises(InvalidInput, match="can't be used as a model's name"):
            change(name)


def test_own_file_becomes_a_model(store, checkpoint):
    store.convert(checkpoint, "", Choices(), silent)
    (_, own) = store.models()
    assert (own.name, own.engine, own.state) == ("trained", "anime_diffusion", ModelState.INSTALLED)
    assert own.record()["licence"]["title"] == "own"


def test_existing_model_is_not_replaced(store, checkpoint):
    store.convert(checkpoint, "mine", Choices(), silent)
    with pytest.raises(InvalidInput, match="already"):
        store.convert(checkpoint, "mine", Choices(), silent)


def test_one_change_at_a_time(store, checkpoint):
    problems = []

    def meanwhile(words, done, total):
        with pytest.raises(InvalidInput, match="Another download") as caught:
            store.convert(checkpoint, "other", Choices(), silent)
        problems.append(caught)

    store.convert(checkpoint, "mine", Choices(), meanwhile)
    assert problems


KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from colorizer.catalogue import store as room
from colorizer.catalogue.convert import Choices
from colorizer.catalogue.entries import Catalogue
from pathlib import Path
def tell(words, done, total):
    if words.startswith({moment!r}):
        print("now", flush=True)
        time.sleep(60)
room.Store(Catalogue(())).convert(Path({file!r}), "mine", Choices(), tell)
"""


@pytest.mark.parametrize("moment", ["Converting", "Checking"])
def test_killed_conversion_leaves_no_model_and_no_rubbish(moment, store, checkpoint, home):
    code = KILLED.format(tests=os.path.dirname(__file__), moment=moment, file=str(checkpoint))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"now"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [model.state for model in store.models()] == [ModelState.ABSENT]
    store.convert(checkpoint, "mine", Choices(), silent)
    assert names(home / "models") == ["mine"]


def test_clip_becomes_the_towers(home, tmp_path):
    file = published_files.clip(tmp_path / "whatever.safetensors")
    words = published_files.tokenizer(tmp_path / "tokenizer")
    folder = Store(Catalogue(())).convert(file, "clip", Choices(tokenizer=words), silent)
    parts = towers.load(folder)
    assert set(parts) == {"image_encoder", "text_encoder", "tokenizer"}
    assert torch.isfinite(parts["image_encoder"](torch.zeros(1, 3, 224, 224)).image_embeds).all()
    assert parts["tokenizer"]("ab").input_ids[0] == 62


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"novelty": torch.ones(1)}, "1 tensors that CLIP doesn't have"),
        ({"visual_projection.weight": torch.ones(2, 2)}, "incomplete or damaged"),
        ({"vision_model.post_layernorm.weight": None}, "incomplete or damaged"),
    ],
)
def test_incomplete_clip_is_refused(changes, sentence, home, tmp_path):
    file = published_files.clip(tmp_path / "clip.safetensors", **changes)
    with pytest.raises(UnusableModel, match=sentence):
        Store(Catalogue(())).convert(file, "clip", Choices(), silent)
    assert names(home / "models") == []


def test_taesd_serves_previews(home, tmp_path):
    vae = AutoencoderTiny()
    save_file(vae.state_dict(), tmp_path / "diffusion_pytorch_model.safetensors")
    file = tmp_path / "diffusion_pytorch_model.safetensors"
    folder = Store(Catalogue(())).convert(file, "taesd", Choices(), silent)
    assert [path for path, card in cards(home / "models") if card.engine == "previews"] == [folder]
    shown = previews.tiny(previews.load(folder), torch.zeros(1, 4, 2, 3))
    assert torch.equal(shown, vae.decode(torch.zeros(1, 4, 2, 3)).sample)


def test_half_a_taesd_is_refused(home, tmp_path):
    file = tmp_path / "taesd_decoder.safetensors"
    save_file({"decoder.layers.0.weight": torch.ones(64, 4, 3, 3)}, file)
    with pytest.raises(UnusableModel, match="isn't the published TAESD"):
        Store(Catalogue(())).convert(file, "taesd", Choices(), silent)
    assert names(home / "models") == []


def test_published_inception_measures_fid(home, tmp_path):
    file = published_files.inception(tmp_path / "pt_inception.pth")
    Store(Catalogue(())).convert(file, INCEPTION, Choices(), silent)
    network = InceptionFeatures()
    seen = network.features([np.zeros((40, 30, 3), np.uint8), np.full((40, 30, 3), 255, np.uint8)])
    assert seen.shape == (2, 2048)
    assert np.isfinite(seen).all()
    assert (seen[0] != seen[1]).any()


def test_another_inception_is_refused(home, tmp_path):
    file = published_files.inception(tmp_path / "half.pth", without="Mixed_6a")
    with pytest.raises(UnusableModel, match="isn't the Inception network for FID"):
        Store(Catalogue(())).convert(file, "half", Choices(), silent)
    with pytest.raises(MissingModel, match="models download inception-fid"):
        InceptionFeatures()


def test_damaged_previews_are_done_without(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert previews.load(tmp_path) is None
    assert previews.load(None) is None


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        (["model.diffusion_model.out.0.bias", "betas"], Kind.COLORIZE_DIFFUSION),
        (["denoise_fn.input.0.weight"], Kind.ANIME_DIFFUSION),
        (["visual.proj", "ln_final.weight"], Kind.TOWERS),
        (["encoder.layers.0.weight", "decoder.layers.0.weight"], Kind.PREVIEWS),
        (["Mixed_7c.branch3x3dbl_3b.conv.weight", "fc.bias"], Kind.FEATURES),
        (["module.block0.model.0.conv1.model.0.weight"], Kind.LINES),
        (["module.model.model.0.weight", "module.model.model.1.model.3.model.1.weight"], Kind.LINES),
        (["net.conv_in.weight", "net.stage1.rebnconvin.conv_s1.weight", "gt_encoder.x"], Kind.FIGURES),
    ],
)
def test_kind_is_told_by_keys(keys, kind, tmp_path):
    save_file({key: torch.ones(1) for key in keys}, tmp_path / "any-name.safetensors")
    assert recognise(tmp_path / "any-name.safetensors") is kind


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("blocks.0.lora_A.default.weight", "folder of the whole"),
        ("x", "isn't a model that this program can use"),
    ],
)
def test_other_files_get_a_sentence(key, sentence, tmp_path):
    save_file({key: torch.ones(1)}, tmp_path / "a.safetensors")
    with pytest.raises(UnusableModel, match=sentence):
        recognise(tmp_path / "a.safetensors")


def test_colorflow_needs_its_base(store, tmp_path):
    (tmp_path / "cf" / "sketch").mkdir(parents=True)
    (tmp_path / "cf" / "sketch" / "diffusion_pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(UnusableModel, match="--base"):
        store.convert(tmp_path / "cf", "", Choices(), silent)
    with pytest.raises(UnusableModel, match="It isn't a download of ColorFlow"):
        store.convert(tmp_path, "", Choices(), silent)


@pytest.mark.parametrize("stem", ["Größe (1)", "..", "a" * 99])
def test_default_names_are_names(stem, store, checkpoint, tmp_path):
    name = default_name(tmp_path / f"{stem}.pth")
    assert store.convert(checkpoint, name, Choices(), silent).name == name


def test_published_catalogue_is_complete():
    catalogue = entries.load()
    for entry in catalogue.entries:
        assert entry.good_for.endswith(".")
        assert entry.licence.words.endswith(".")
        assert all(Rules(catalogue.hosts).check(file.url) is None for file in entry.files)
        assert all(catalogue.get(name) for name in entry.needs)
        assert entry.bytes > (1e6 if entry.engine in ("previews", "features", "lines", "figures") else 1e9)
        assert entry.verified or "Not verified by us yet" in entry.words
        pinned = [file.sha256 is None or "/main/" not in file.url for file in entry.files]
        assert all(pinned), "a hash belongs to a revision"
    with pytest.raises(UnknownEngine, match="Did you mean 'colorize-diffusion-v2'"):
        catalogue.get("colorize-diffusion-v3")


def test_unverified_models_say_so_before_they_are_fetched(store, host):
    (entry,) = store.catalogue.entries
    with pytest.raises(InvalidInput, match="Not verified by us yet"):
        store.download("faces", silent, accept_licence=False)
    (model,) = store.models()
    assert model.record()["good_for"].startswith("Faces. Not verified by us yet")
    tried = Store(Catalogue((replace(entry, verified=True),)), QUICK)
    assert tried.models()[0].record()["good_for"] == "Faces."


def test_what_came_first_is_what_must_come_again(store, host, home):
    get(store)
    store.remove("faces")
    assert get(store) == ["faces"]
    store.remove("faces")
    content = bytearray(host.content)
    content[-1] ^= 1
    host.content = bytes(content)
    with pytest.raises(DownloadFailed, match="differs from the first download"):
        get(store)
    (home / "first_downloads.json").unlink()
    store._fetch_all(store.catalogue.entries[0], silent)


def test_listing_is_light():
    code = "from colorizer.catalogue import entries, store; import sys; store.Store(entries.load()).models();"
    heavy = " sys.exit(bool({'torch', 'numpy'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code + heavy], check=False).returncode == 0
