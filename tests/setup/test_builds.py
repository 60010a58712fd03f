"""The table of torch builds: what is taken on which machine, and nothing by accident."""

import pytest

from krita_colorize.core.errors import UserError
from krita_colorize.setup import builds
from krita_colorize.setup.builds import Hardware

NVIDIA, AMD, INTEL = ("nvidia", "RTX 4070"), ("amd", "AMD GPU"), ("intel", "Intel Arc")


def names(*machine):
    return [build.name for build in builds.fitting(Hardware(*machine))]


@pytest.mark.parametrize(
    ("machine", "wanted"),
    [
        (("Linux", "x86_64", (NVIDIA,)), ["cuda", "cpu"]),
        (("Linux", "x86_64", (AMD,)), ["rocm", "cpu"]),
        (("Linux", "x86_64", (INTEL,)), ["xpu", "cpu"]),
        (("Linux", "x86_64", (NVIDIA, AMD)), ["cuda", "rocm", "cpu"]),
        (("Linux", "aarch64"), ["cpu"]),
        (("Windows", "x86_64", (NVIDIA,)), ["cuda", "cpu"]),
        (("Windows", "x86_64", (AMD,)), ["cpu"]),
        (("Darwin", "arm64"), ["mps"]),
    ],
)
def test_best_build_comes_first(machine, wanted):
    assert names(*machine) == wanted


def test_linux_without_gpu_never_gets_cuda():
    build = builds.fitting(Hardware("Linux", "x86_64"))[0]
    assert build.torch("2.13.0") == "torch==2.13.0+cpu"
    assert build.index.startswith("https://download.pytorch.org/")


@pytest.mark.parametrize("machine", [("Darwin", "x86_64"), ("Linux", "riscv64"), ("Windows", "x86")])
def test_unfit_machines_are_told_what_is_needed(machine):
    with pytest.raises(UserError, match="64-bit PC with Linux or Windows, or a Mac with Apple silicon"):
        names(*machine)


def test_cards_are_read_from_what_their_program_prints(monkeypatch):
    said = "GPU 0: NVIDIA GeForce RTX 4070 (UUID: GPU-1)\nGPU 1: Other (UUID: GPU-2)\n"
    monkeypatch.setattr(builds, "_answer", lambda program, *_: said if program == "nvidia-smi" else "")
    found = builds.look()
    assert found.accelerators[0] == ("nvidia", "NVIDIA GeForce RTX 4070")
    assert found.memory_mb > 100


def test_program_that_fails_finds_nothing(monkeypatch):
    assert builds._answer("false") == ""
    assert builds._answer("no-such-program") == ""


def test_every_build_says_what_it_costs():
    for system, machine in (("Linux", "x86_64"), ("Windows", "x86_64"), ("Darwin", "arm64")):
        for build in builds.fitting(Hardware(system, machine, (NVIDIA, AMD, INTEL))):
            assert min(build.download_mb, build.disk_mb, build.memory_mb) > 100
            assert build.title
