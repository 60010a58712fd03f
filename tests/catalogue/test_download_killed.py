"""`kill -9` at moments of a model's download: the next start goes on, and in the end the file is whole and true."""

import json
import random
import subprocess
import sys

from file_host import CONTENT, SHA256

FETCH = """
import sys
from pathlib import Path
from colorizer.catalogue.download import Rules, fetch
from colorizer.catalogue.entries import Remote
url, target, sha256, size = sys.argv[1:]
rules = Rules(("127.0.0.1",), secure=False, timeout_s=20, tries=3, pause_s=0.01)

def on_bytes(done, total):
    print(done, flush=True)
    sys.stdin.readline()  # waits for its parent, so that the parent can kill it just here

fetch(Remote(url, "model.bin", int(size), sha256), Path(target), rules, on_bytes)
"""


def start(host, target):
    command = [sys.executable, "-c", FETCH, host.url, str(target), SHA256, str(len(CONTENT))]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def kill_at(process, size):
    for line in process.stdout:
        if int(line) >= size:
            break
        process.stdin.write("\n")
        process.stdin.flush()
    process.kill()
    process.communicate()


def test_killed_download_goes_on_and_ends_whole(host, home):
    target = home / "downloads" / "model.bin"
    for size in sorted(random.Random(3).sample(range(len(CONTENT) - 70_000), 10)):
        kill_at(start(host, target), size)
        assert not target.exists()
        assert json.loads((home / "downloads" / "model.bin.part.json").read_text("utf-8"))["url"] == host.url
    process = start(host, target)
    process.communicate()
    assert process.returncode == 0
    assert target.read_bytes() == CONTENT
    assert sorted(path.name for path in target.parent.iterdir()) == ["model.bin"]
    assert any("If-Range" in heard for heard in host.heard)
