"""The fake Krita keeps the contract that real Krita keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import port_contract
import pytest
from fake_port import FakePort

from krita_colorize.core.port import Pixels


class FakeStage:
    """The contract's stage over the fake."""

    def __init__(self) -> None:
        self.port = FakePort()

    def open(self, width: int, height: int) -> str:
        return self.port.open(width=width, height=height).info.key

    def paint(self, document: str, name: str, bgra: bytes, x: int, y: int, width: int, height: int) -> str:
        found = self.port.documents[document]
        layer = self.port.add_layer(found, name)
        found.pixels[layer.id] = Pixels(width, height, bgra * (width * height), x, y)
        return layer.id

    def modified(self, document: str) -> bool:
        return self.port.documents[document].modified

    def settle(self, document: str) -> None:
        self.port.documents[document].modified = False

    def close(self, document: str) -> None:
        self.port.close_document(document)


@pytest.mark.parametrize("case", port_contract.CASES, ids=lambda case: case.__name__)
def test_contract(case: Callable[[Any], None]) -> None:
    case(FakeStage())
