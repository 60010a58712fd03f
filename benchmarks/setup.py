"""What the set-up page costs for real: time of every step, bytes and disk of the build that fits this machine.

    .venv/bin/python benchmarks/setup.py [--folder DIR [--krita]] [--peer]

Builds the backend's wheel as the zip carries it and installs it into a throw-away home, all third-party wheels in full
size. `--folder` takes them from a folder (`pip download`); `--peer` times plain `python -m venv` + `pip install` of the
same wheel beside it; `--krita` does it by clicks in real Krita on a virtual screen, from the import of the zip to a
coloured sketch, and leaves its pictures beside the folder. What pip finds in local folders is counted as if it
had been downloaded.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "backend")]

from colorizer_lab.release import build_wheel  # noqa: E402

from krita_colorize.setup import builds, install, wheels  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--krita", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if options.krita:
            measure_in_krita(Path(place), options.folder)
            return
        bundle = make_bundle(Path(place))
        measure(Path(place), bundle, options.folder)
        if options.peer:
            measure_peer(Path(place), bundle)


def make_bundle(place):
    bundle = place / "bundle"
    bundle.mkdir()
    (bundle / "constraints.txt").write_bytes((ROOT / "constraints.txt").read_bytes())
    build_wheel(bundle)
    return bundle


def measure(place, bundle, folder):
    build = builds.fitting(builds.look())[0]
    planned, steps = [], []
    plan = wheels.plan
    wheels.plan = lambda *rest: planned.extend(found := plan(*rest)) or found
    start = time.perf_counter()

    def on_progress(now):
        step = now.words.split(":")[0].split(" ")[0]
        if not steps or steps[-1][0] != step:
            steps.append((step, time.perf_counter() - start))
        measure.bytes_done = now.bytes_done

    order = install.Order(place / "home", build, folder, bundle)
    install.install(order, on_progress, threading.Event())
    seconds = time.perf_counter() - start
    local = [path for path in map(wheels.local_path, (file.url for file in planned)) if path is not None]
    counted = measure.bytes_done + sum(path.stat().st_size for path in local if path.parent != bundle)
    print(
        f"build {build.name}: {len(planned)} wheels, {counted / 1e6:.0f} MB ({measure.bytes_done / 1e6:.1f} MB came"
    )
    print(f"over the network in this run), {disk(place / 'home') / 1e6:.0f} MB on disk, {seconds:.1f} s")
    for (step, begin), (_, end) in zip(steps, [*steps[1:], ("", seconds)], strict=True):
        print(f"  {step:12} {end - begin:6.1f} s")


def measure_in_krita(place, folder):
    sys.path[:0] = [str(ROOT / "tests" / "krita")]
    import test_setup_window as by_clicks
    from colorizer_lab.krita import screen

    home = place / "home"
    home.mkdir()
    package = by_clicks.release.package(place / "krita_colorize.zip")
    start = time.perf_counter()
    with screen.virtual_screen() as display:
        seconds = by_clicks.from_zip_to_colours(display, home, package, folder.resolve(), patience_s=3600)
    for name in ("installed.png", "coloured.png"):
        shutil.copyfile(home / name, folder.resolve().parent / name)
    came, taken = disk(folder), disk(home / "colorize" / "backend")
    print(
        f"by clicks in Krita: set-up {seconds:.1f} s, zip to coloured sketch {time.perf_counter() - start:.1f} s"
    )
    print(
        f"{package.stat().st_size / 1e6:.1f} MB zip, {came / 1e6:.0f} MB of wheels, {taken / 1e6:.0f} MB on disk"
    )


def measure_peer(place, bundle):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "venv", place / "peer"], check=True)
    wheel = next(bundle.glob("*.whl"))
    torch = f"torch=={builds.torch_version(bundle / 'constraints.txt')}+cpu"
    pip = [place / "peer" / "bin" / "python", "-m", "pip", "install", "-q", "-c", bundle / "constraints.txt"]
    subprocess.run([*pip, torch, wheel], check=True)
    print(
        f"peer, venv + pip install: {time.perf_counter() - start:.1f} s, {disk(place / 'peer') / 1e6:.0f} MB on disk"
    )


def disk(folder):
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


if __name__ == "__main__":
    main()
