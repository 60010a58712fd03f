"""`python -m colorizer_lab.data`: the sheet to look at."""

import subprocess
import sys

from colorizer_lab.data.__main__ import contact_sheet
from PIL import Image


def test_sheet_holds_every_triplet():
    sheet = contact_sheet(first_seed=0, count=3, size=32, columns=2)
    assert sheet.shape == (2 * 32, 2 * 4 * 32, 3)
    assert not sheet[32:, 4 * 32 :].any()


def test_command_writes_a_picture(tmp_path):
    sheet = tmp_path / "sheet.png"
    command = [sys.executable, "-m", "colorizer_lab.data", str(sheet), "--count", "1", "--size", "32"]
    subprocess.run(command, check=True)
    with Image.open(sheet) as picture:
        assert picture.size == (2 * 4 * 32, 32)
