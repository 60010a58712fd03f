"""The map in CONTRIBUTING leads to what is there, and words that were given up don't come back."""

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
STARTS = (ROOT, ROOT / "backend" / "colorizer", ROOT / "krita_colorize")
"""What the paths of the guide begin at."""

GIVEN_UP = {
    "Ladder": "ProfileTable",
    "Ladders": "MemoryProfiles",
    "Room": "ModelSlot",
    "Way": "MemoryProfile",
    "Turn": "SwapHook",
    "take_turns": "swap_on_device",
    "PictureMemory": "PictureCache",
    "Laid": "WarpField",
    "Look": "ScaleView",
    "Finder": "Detector",
    "Finders": "Detectors",
    "in_figure": "in_foreground",
    "is_figure": "is_foreground",
    "figure_painted_out": "foreground_painted_out",
    "keep_figure": "keep_foreground",
    "of_figure": "of_foreground",
    "Told": "UserError",
    "Fold": "CollapsibleSection",
    "AdvancedFold": "AdvancedSection",
    "Orders": "JobRequests",
    "Calm": "PenGate",
    "Trouble": "FailureHelp",
    "Hiding": "BackgroundRemoval",
    "hiding_of": "background_removal",
    "Stride": "SolverStep",
    "rows_apart": "one_row_at_a_time",
    "warp_places": "warp_pixels",
    "two_sides": "branch_tokens",
    "fold_lora": "merge_lora",
    "forget_inside": "checkpoint_blocks",
    "let_in_region_colours": "add_region_colours_input",
    "appearing": "atomic_file",
    "appearing_folder": "atomic_folder",
    "write_whole": "write_atomically",
}
"""Names that the field has other words for."""

GIVEN_UP_MODULES = {"ways", "turns", "sides", "looks", "place", "finders", "layout"} | {
    "words", "launch", "trouble", "kept", "orders", "calm",
}  # fmt: skip

STORED = {"backend/colorizer/engines/match/sequence.py": {"is_figure"}}
"""Keys of files on artists' disks keep their names."""


def section(title):
    return GUIDE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def places():
    for row in section("Where is …?").splitlines():
        for name in re.findall(r"`([^`]+)`", row):
            if "/" in name or name.endswith(".py"):
                yield name


def there(name):
    return any((start / name).exists() for start in STARTS) or any(
        (path.parent / name).exists() for path in neighbours(name)
    )


def neighbours(name):
    """Paths of the same row, whose folders a bare file name may be of."""
    for row in section("Where is …?").splitlines():
        if f"`{name}`" in row:
            yield from (start / other for other in re.findall(r"`([^`]+/[^`]+)`", row) for start in STARTS)


@pytest.mark.parametrize("name", sorted(set(places())))
def test_every_path_of_the_table_exists(name):
    assert there(name)


def test_every_room_of_the_map_exists():
    above: list[tuple[int, Path]] = []
    missing = []
    for line in section("The rooms").split("```")[1].strip().splitlines():
        indent, name = len(line) - len(line.lstrip()), line.split()[0]
        above = [one for one in above if one[0] < indent]
        path = (above[-1][1] if above else ROOT) / name
        above.append((indent, path))
        if not list(path.parent.glob(path.name)):
            missing.append(line.strip())
    assert missing == []


def test_rooms_are_all_on_the_map():
    drawn = section("The rooms")
    packages = [path.parent for path in (ROOT / "backend").glob("*/*/__init__.py")]
    assert [package.name for package in packages if f" {package.name}/" not in drawn] == []


@pytest.mark.parametrize(
    "path",
    sorted([*(ROOT / "backend").rglob("*.py"), *(ROOT / "krita_colorize").rglob("*.py")]),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_given_up_words_stay_away(path):
    assert path.stem not in GIVEN_UP_MODULES
    readline = io.StringIO(path.read_text(encoding="utf-8")).readline
    names = {token.string for token in tokenize.generate_tokens(readline) if token.type == tokenize.NAME}
    kept = STORED.get(path.relative_to(ROOT).as_posix(), set())
    assert {name: GIVEN_UP[name] for name in names & GIVEN_UP.keys() - kept} == {}
