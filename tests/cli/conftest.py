"""The `colorize` command in the tests' own process, and a small copy of the sample to colour."""

import pytest
from colorizer import cli, paths
from PIL import Image


@pytest.fixture
def colorize(monkeypatch, capsys):
    """Runs the command: (status, stdout, stderr)."""

    def call(*words):
        monkeypatch.setattr("sys.argv", ["colorize", *map(str, words)])
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = end.code or 0
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """The folder with the sample's sketch.png and reference.png, smaller."""
    folder = tmp_path_factory.mktemp("sample")
    for name in ("sketch.png", "reference.png"):
        Image.open(paths.resource("sample") / name).resize((320, 320)).save(folder / name)
    return folder


@pytest.fixture
def run_sample(colorize, sample):
    """Colours the sample: (status, stdout, stderr)."""
    said = ("run", sample / "sketch.png", "--reference", sample / "reference.png")
    return lambda output, *words: colorize(*said, "-o", output, *words)
