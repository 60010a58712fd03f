"""What all tests of trainers share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """One thread of arithmetic: on a busy machine the library may use fewer than it has, and round otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def chain(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> object:
    """All stages of a tiny ColorizeDiffusion, trained for two steps each when asked for."""
    pytest.importorskip("skia", reason="drawing needs the extra `training`")
    from tests.training.tiny_stages import Chain

    return Chain(tmp_path_factory.mktemp("stages"))
