"""Runs inside Krita for `way.py`: one job through the docker's own session, every part of the way timed.

`TimedPort` measures Krita's own calls, a heartbeat the longest time the GUI thread didn't come back; what is left of
that after Krita's own calls is ours.
"""

import os
import sys
import threading
import time

from krita import Krita, QByteArray

from krita_colorize.app.session import Session
from krita_colorize.krita_port.port import LibKisPort
from krita_colorize.qt import QtCore, QtGui

window = Krita.instance().activeWindow()
HEARTBEAT_MS = 1
SAMPLE_S = 0.004


def processor_s():
    """Processor seconds so far: of Krita's threads without those that draw the canvas in software (on an artist's
    machine a graphics card does), and of the backend's processes."""
    clock, own = os.sysconf("SC_CLK_TCK"), os.getpid()
    parents = {
        int(process): _stat(f"/proc/{process}/stat") for process in os.listdir("/proc") if process.isdigit()
    }
    children, backend = {own}, 0.0
    while found := {
        one for one, stat in parents.items() if stat and stat[0] in children and one not in children
    }:
        children |= found
        backend += sum(parents[one][1] for one in found)
    threads = (_stat(f"/proc/{own}/task/{task}/stat") for task in os.listdir(f"/proc/{own}/task"))
    drawing = sum(stat[1] for stat in threads if stat and "llvmpipe" in stat[2])
    return (parents[own][1] - drawing) / clock, backend / clock


def _stat(path):
    """A process's parent, its ticks and its name; None where it has ended."""
    try:
        with open(path, encoding="utf-8") as file:
            head, _, rest = file.read().rpartition(")")
    except OSError:
        return None
    fields = rest.split()
    return int(fields[1]), int(fields[11]) + int(fields[12]), head.partition("(")[2]


class TimedPort:
    """A `LibKisPort` whose calls are timed: seconds by name, and when each (`spans`), the last one of a name
    (`spans_of`) and the first one (`first_of`) began and ended."""

    def __init__(self, port):
        self._port = port
        self.seconds = {}
        self.spans = []
        self.spans_of = {}
        self.first_of = {}

    def __getattr__(self, name):
        call = getattr(self._port, name)

        def timed(*arguments, **named):
            start = time.perf_counter()
            try:
                return call(*arguments, **named)
            finally:
                end = time.perf_counter()
                self.seconds[name] = self.seconds.get(name, 0.0) + end - start
                self.spans.append((start, end))
                self.spans_of[name] = (start, end)
                self.first_of.setdefault(name, (start, end))

        return timed


class Sampler(threading.Thread):
    """Notes again and again whether the GUI thread runs Python: else it runs Krita or Qt, or waits."""

    def __init__(self):
        super().__init__(daemon=True)
        self.spans = []
        self._runs = True
        self._gui = threading.main_thread().ident

    def run(self):
        start = None
        while self._runs:
            now = time.perf_counter()
            if self._gui in sys._current_frames():
                start = now if start is None else start
            elif start is not None:
                self.spans.append((start, now))
                start = None
            time.sleep(SAMPLE_S)

    def stop(self):
        self._runs = False


class Heartbeat:
    """Notes every gap between two turns of the event loop."""

    def __init__(self):
        self.gaps = []
        self._sampler = Sampler()
        self._sampler.start()
        self.inserted = float("inf")
        self._last = time.perf_counter()
        self._timer = QtCore.QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(HEARTBEAT_MS)

    def _beat(self):
        now = time.perf_counter()
        self.gaps.append((self._last, now))
        self._last = now

    def stop(self):
        self._timer.stop()
        self._sampler.stop()

    def longest_ms(self, spans):
        """The longest time that our Python kept the event loop from turning, up to the insertion: time inside Krita's
        own calls doesn't count, nor where no Python ran, as while Krita draws.

        What follows is Krita looking at the new layers, see `aftermath_ms`.
        """

        def inside(start, end, others):
            return [(max(start, a), min(end, b)) for a, b in others if a < end and b > start]

        def ours(start, end):
            python = inside(start, end, self._sampler.spans)
            return sum(b - a - sum(d - c for c, d in inside(a, b, spans)) for a, b in python)

        return 1000 * max(ours(a, b) for a, b in self.gaps if b < self.inserted)

    def aftermath_ms(self):
        """The longest gap after the insertion."""
        return 1000 * max((b - max(a, self.inserted) for a, b in self.gaps if self.inserted <= b), default=0)


def make_document(width, sketch, height=0):
    """A document, square where no height is given, with the sketch's lines on a transparent layer above white paper."""
    height = height or width
    lines = QtGui.QImage(sketch).scaled(
        width,
        height,
        QtCore.Qt.AspectRatioMode.IgnoreAspectRatio,
        QtCore.Qt.TransformationMode.SmoothTransformation,
    )
    lines = lines.convertToFormat(QtGui.QImage.Format.Format_ARGB32)
    document = Krita.instance().createDocument(
        width, height, "way", "RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc", 100.0
    )
    paper = document.createNode("Paper", "paintlayer")
    paper.setPixelData(QByteArray(bytes([255]) * (4 * width * height)), 0, 0, width, height)
    document.rootNode().addChildNode(paper, None)
    layer = document.createNode("Lines", "paintlayer")
    bits = lines.constBits()
    bits.setsize(lines.byteCount())
    layer.setPixelData(QByteArray(bytes(bits)), 0, 0, width, height)
    document.rootNode().addChildNode(layer, None)
    document.setActiveNode(layer)
    document.refreshProjection()
    window.addView(document)
    return document, layer


def way(side, sketch, reference, runs):
    """Jobs at this size; use with the driver's `yield`. Returns for each run the seconds by name."""
    figures = []
    for _ in range(runs):
        floor_s, floor_aftermath_ms = yield from floor(side, sketch)
        figures.append({"floor": floor_s, "floor_aftermath_ms": floor_aftermath_ms})
    document, layer = make_document(side, sketch)
    yield from turns(60)
    document.setActiveNode(layer)
    port = TimedPort(LibKisPort(window))
    session = Session(port)
    yield from until(lambda: session.document is not None and session.document.sketch is not None)
    session.references.add_file(session.document, reference)
    yield from until(lambda: session.document.settings.references)
    yield from one_run(session, port)  # the backend runs now and has read its weights
    for run in figures:
        yield from undo()
        run |= yield from one_run(session, port)
    session.close()
    yield from turns(10)
    yield from close(document)
    return figures


def one_run(session, port):
    """One job and its import; seconds by name."""
    port.seconds.clear()
    heart = Heartbeat()
    start, cpu_start = time.perf_counter(), time.process_time()
    yield from one_job(session)
    done = time.perf_counter()
    yield from apply(session)
    applied, cpu = time.perf_counter(), time.process_time() - cpu_start
    heart.inserted = port.spans_of["insert_group"][1]
    yield from turns(10)
    heart.stop()
    seconds = session.document.results[0].result.record["seconds"]
    engine = seconds["colorize"] + seconds["load"]
    return {
        "whole": applied - start,
        "engine": engine,
        "way": applied - start - engine,
        "krita_cpu": cpu,
        "snapshot": port.seconds["snapshot"],
        "backend_decode": seconds["decode"],
        "backend_encode": seconds["encode"],
        "insert": port.seconds["insert_group"],
        "apply": applied - done,
        "gui_block_ms": heart.longest_ms(port.spans),
        "aftermath_ms": heart.aftermath_ms(),
    }


def undo():
    """Takes the last group away, so that every run finds the same document."""
    yield from turns(60)
    Krita.instance().action("edit_undo").trigger()
    yield from turns(60)


def one_job(session):
    """Presses Colorize and waits for the result."""
    before = len(session.document.results)
    session.colorize()
    yield from until(lambda: len(session.document.results) > before or session.error)
    if session.error:
        raise RuntimeError(session.error)


def apply(session):
    """Presses Apply on the newest result and waits until it is in."""
    item = session.document.results[0]
    session.apply()
    yield from until(lambda: item.group_id)


def floor(side, sketch):
    """Krita's own layer duplicate + merge, in a document of its own: seconds, and the aftermath's milliseconds."""
    document, layer = make_document(side, sketch)
    yield from turns(60)
    heart = Heartbeat()
    yield from turns(5)
    start = time.perf_counter()
    copy = layer.duplicate()
    document.rootNode().addChildNode(copy, layer)
    document.waitForDone()
    copy.mergeDown()
    document.waitForDone()
    document.refreshProjection()
    heart.inserted = time.perf_counter()
    yield from turns(10)
    heart.stop()
    yield from close(document)
    return heart.inserted - start, heart.aftermath_ms()


def close(document):
    """Closes a document without asking."""
    document.setModified(False)
    document.close()
    yield from turns(20)


def until(condition, limit_s=300):
    """Waits for a condition, turn by turn."""
    end = time.perf_counter() + limit_s
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError("waited too long")
        yield


def turns(count):
    """Lets Krita work for a while."""
    for _ in range(count):
        yield
