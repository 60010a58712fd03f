"""A pool of any size: references are fitted and embedded once, embeddings outlast the process."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import tiny_colorflow
from colorizer.engines.colorflow.image_tower import ImageTower
from colorizer.engines.colorflow.retrieval import Size, fit
from colorizer.engines.runtime.picture_cache import PictureCache

PICTURE = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)


class Counting(ImageTower):
    """A tower that counts what it looks at."""

    looked = 0

    def embed(self, patches):
        self.looked += len(patches)
        return super().embed(patches)


@pytest.fixture(scope="module")
def network():
    return tiny_colorflow.make_sd().tower.network


def test_a_reference_is_looked_at_once(network):
    tower = Counting(network)
    first = tower.embed_reference(PICTURE)
    assert (tower.embed_reference(PICTURE.copy()) == first).all()
    assert tower.looked == 5


def test_embeddings_outlast_the_process(network, tmp_path):
    first = ImageTower(network, tmp_path).embed_reference(PICTURE)
    tower = Counting(network, tmp_path)
    assert (tower.embed_reference(PICTURE) == first).all()
    assert tower.looked == 0
    assert [file.suffix for file in tmp_path.iterdir()] == [".npy"]


def test_damaged_embeddings_are_made_again(network, tmp_path):
    first = ImageTower(network, tmp_path).embed_reference(PICTURE)
    next(tmp_path.iterdir()).write_bytes(b"torn")
    assert (ImageTower(network, tmp_path).embed_reference(PICTURE) == first).all()
    assert (ImageTower(network, tmp_path).embed_reference(PICTURE) == first).all()


def test_another_tower_looks_itself(network, tmp_path):
    ImageTower(network, tmp_path).embed_reference(PICTURE)
    other = tiny_colorflow.make_pixart().tower.network
    other.visual_projection.weight.data += 1
    tower = Counting(other, tmp_path)
    tower.embed_reference(PICTURE)
    assert tower.looked == 5


def test_fitted_picture_is_left_alone():
    assert fit(PICTURE, Size(48, 48)) is PICTURE
    assert fit(PICTURE, Size(48, 40)).shape == (40, 48, 3)


def test_memory_knows_a_picture_and_forgets_it():
    memory = PictureCache()
    picture, calls = PICTURE.copy(), []

    def make():
        calls.append(1)
        return len(calls)

    assert [
        memory.get(picture, "a", make),
        memory.get(picture, "a", make),
        memory.get(picture, "b", make),
    ] == [1, 1, 2]
    assert memory.get(PICTURE, "a", make) == 3
    del picture
    gc.collect()
    assert len(memory._values) == 1
