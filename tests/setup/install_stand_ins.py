"""A process that installs stand-in wheels, to be killed: arguments are one JSON object, progress goes to stdout."""

import hashlib
import json
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from krita_colorize.setup import __main__ as terminal
from krita_colorize.setup import builds, install, python
from krita_colorize.setup.download import Rules

options = json.loads(sys.argv[1])
pip = Path(options["pip"])
tool = {
    "url": f"{options['index']}/files/{pip.name}",
    "sha256": hashlib.sha256(pip.read_bytes()).hexdigest(),
}
install._tools = lambda: {"pip": {"": tool}, "uv": {}}
python.find = lambda *_: python.ask(Path(options["python"]))
build = builds.Build("cpu", "CPU", "+cpu", "", 1, 1, 1)
builds.fitting = lambda _: (build,)
rules = Rules(("127.0.0.1",), secure=False, timeout_s=20, tries=2, pause_s=0.01)
order = install.Order
install.Order = lambda home, build, folder, bundle: order(home, build, folder, bundle, rules)
plan = install._Installation._plan


def plan_before_the_disk_is_full(self, *rest):
    """The pip that comes with Python takes whole wheels while it plans; the pinned one only what they need."""
    files = plan(self, *rest)
    if options.get("largest_file"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (options["largest_file"],) * 2)
    return files


install._Installation._plan = plan_before_the_disk_is_full
if options.get("step"):
    run = install.install

    def in_steps(order, on_progress, stop):
        """Waits for the parent after every line, so that the parent can kill it just there."""
        return run(order, lambda now: (on_progress(now), sys.stdin.readline()), stop)

    install.install = in_steps
arguments = ["--home", options["home"], "--bundle", options["bundle"]]
if options.get("folder"):
    arguments += ["--folder", options["folder"]]
sys.exit(terminal.main(arguments))
