"""Encodes a result's table of regions (`protocol.result`), limited to the size of a bundle's header."""

from __future__ import annotations

import itertools
from typing import Protocol

import numpy as np

from colorizer.imaging import color
from colorizer.imaging.basins import Labels
from colorizer.imaging.region_table import RegionTable
from colorizer.imaging.values import Picture
from colorizer.protocol.result import RegionLabels, RegionsEntry

MOST_REGIONS = 12_000
"""The limit for a header of 1 MiB, in which a region takes about 30 bytes."""
_ROW = 2048
"""Words in a row of the picture that contains the runs."""
MOST_ALIKE = 40_000
"""Limit of the entries of `alike` of all regions together; the longest lists are shortened first."""


class Blobs(Protocol):
    """Collects the blobs of a bundle."""

    def add(self, picture: Picture, /) -> int:
        """Adds a picture and returns its number."""


def entry(table: RegionTable, blobs: Blobs) -> RegionsEntry | None:
    """Adds the labels to the blobs and returns the part of the header; None if there are too many regions."""
    if table.count > MOST_REGIONS:
        return None
    packed = [color.pack(colours).tolist() for colours in table.likely]
    index = {
        colour: number for number, colour in enumerate(dict.fromkeys(itertools.chain.from_iterable(packed)))
    }
    runs, picture = runs_of(table.labels)
    longest = _longest([len(others) for others in table.alike])
    return RegionsEntry(
        labels=RegionLabels(blob=blobs.add(picture), runs=runs),
        colours=color.as_hex(color.unpack(np.array(list(index), np.uint32))),
        background=np.flatnonzero(table.on_background).tolist(),
        likely=[[index[colour] for colour in colours] for colours in packed],
        alike=[others[:longest].tolist() for others in table.alike],
    )


def runs_of(labels: Labels) -> tuple[int, Picture]:
    """Labels (H, W) as runs in reading order: the number of runs, and a picture whose words are the lengths of all runs
    in pixels, then the labels of all runs."""
    words = np.ascontiguousarray(labels, "<u4").reshape(-1)
    starts = np.append(0, np.flatnonzero(words[1:] != words[:-1]) + 1)
    both = np.concatenate([np.diff(starts, append=len(words)).astype("<u4"), words[starts]])
    rows = -(-len(both) // _ROW)
    table = np.zeros(rows * _ROW, "<u4")
    table[: len(both)] = both
    # Blobs are B, G, R, A, pictures R, G, B, A: the first byte of a word becomes the third.
    picture = table.view(np.uint8).reshape(rows, _ROW, 4)[..., [2, 1, 0, 3]]
    return len(starts), np.ascontiguousarray(picture)


def _longest(lengths: list[int]) -> int:
    """The limit of the length of each list so that all together have at most `MOST_ALIKE` entries."""
    longest = max(lengths, default=0)
    while sum(min(length, longest) for length in lengths) > MOST_ALIKE:
        longest //= 2
    return longest
