"""Runs inside Krita for `loop.py`: repairs of an applied result through the docker's own session, each timed."""

import time

from inside_way import Heartbeat, TimedPort, apply, make_document, one_job, processor_s, turns, until, window
from krita import QByteArray

from krita_colorize.app.session import Session
from krita_colorize.core.corrections import Swatch
from krita_colorize.core.edits import Binding
from krita_colorize.krita_port.port import LibKisPort

NOTHING = "The change made no difference: nothing was replaced."
"""What a mask may well come to: of a chosen mask the layers show nothing."""

KRITAS = ("layer_pixels", "replace_pixels", "snapshot", "merged", "group_parts", "fingerprint")


def loop(width, height, sketch, reference, runs):
    """All repairs on a page; use with the driver's `yield`. Returns for each the runs' figures."""
    document, layer = make_document(width, sketch, height)
    yield from turns(60)
    document.setActiveNode(layer)
    port = TimedPort(LibKisPort(window))
    session = Session(port)
    yield from until(lambda: session.document is not None and session.document.sketch is not None)
    session.references.add_file(session.document, reference)
    yield from until(lambda: session.document.settings.references)
    yield from one_job(session)
    yield from apply(session)
    yield from until(lambda: session.document.results[0].base is not None)
    session.document.choose_sketch(session.document.sketch.id)
    bench = Bench(session, port, document)
    found = {name: [] for name in ("correction", "palette", "hint", "binding", "mask")}
    yield from bench.prepare()
    for run in range(runs):
        for name in found:
            figures = yield from getattr(bench, name)(run)
            found[name].append(figures)
    session.close()
    yield from turns(10)
    document.setModified(False)
    document.close()
    yield from turns(20)
    return found


class Bench:
    """The repairs."""

    def __init__(self, session, port, document):
        self.session, self.port, self.document = session, port, document
        self.model = session.document
        self.item = self.model.results[0]
        self.sketch = self.model.sketch.id
        self.offers = []
        session.corrections.offered.connect(self.offers.append)
        self.job = None
        session.job_requests.started.connect(self.remember)

    def remember(self):
        """Keeps the newest job, whose answer says how long the engine took."""
        self.job = self.session.jobs.of(self.model.info.key)[-1]

    def prepare(self):
        """Makes the hint layer and the mask."""
        self.session.job_requests.make_hints(self.model)
        yield from until(lambda: self.model.settings_of(self.sketch).hints)
        self.session.create_mask()
        yield from until(lambda: self.model.settings_of(self.sketch).sketch_mask or self.session.error)
        yield from turns(60)
        before = self.item.changes
        self.session.redo()  # the mask that was found is the one that counts: from now on only changes do
        yield from until(lambda: self.item.changes > before)
        self.session.report("")

    def timed(self, act):
        """Acts and waits until it has reached the picture, and until the result is remembered."""
        yield from turns(60)
        self.port.seconds.clear()
        self.port.spans_of.pop("replace_pixels", None)
        self.port.spans_of.pop("show_patch", None)
        self.port.first_of.pop("show_patch", None)
        self.job = None
        before, heart = self.item.changes, Heartbeat()
        start, cpu = time.perf_counter(), processor_s()
        act()
        yield from until(lambda: "replace_pixels" in self.port.spans_of or self.session.error)
        used, end = processor_s(), time.perf_counter()
        if self.session.error not in ("", NOTHING):
            raise RuntimeError(self.session.error)
        if not self.session.error:
            end = self.port.spans_of["replace_pixels"][1]
        heart.inserted = end
        shown = self.port.first_of.get("show_patch", (end, end))[1]
        answered = self.port.spans_of.get("show_patch", (end, end))[1]
        yield from until(lambda: self.item.changes > before)
        self.session.report("")
        yield from turns(60)
        heart.stop()
        answer = self.job.result if self.job is not None else None
        made = answer.record["seconds"] if answer is not None else {"colorize": 0.0}
        return {
            "shown": shown - start,
            "answered": answered - start,
            "written": end - start,
            "krita": sum(self.port.seconds.get(name, 0) for name in KRITAS),
            "calls": dict(self.port.seconds),
            "engine": made["colorize"],
            "seconds": made,
            "krita_cpu": used[0] - cpu[0],
            "backend_cpu": used[1] - cpu[1],
            "gui_block_ms": heart.longest_ms(self.port.spans),
        }

    def correction(self, run):
        """A new colour for the next doubtful region."""
        self.offers.clear()
        self.session.checks.follow(self.model)
        while not self.offers:  # a place may have no region that can be corrected
            self.session.report("")
            self.session.corrections.next(self.model)
            yield from until(lambda: self.offers or self.session.error)
        self.session.report("")
        offered = self.offers[0]
        choose = self.session.corrections.choose
        new = f"#40{run + 1:02x}90"
        return (yield from self.timed(lambda: choose(offered, Swatch(new, new))))

    def palette(self, run):
        """The colour of the largest area becomes another."""
        colour = self.item.result.palette[0]
        edits = {colour: f"#{run + 1:02x}8040"}
        return (yield from self.timed(lambda: self.session.palettes.edit(self.model, edits)))

    def hint(self, run):
        """A dot of a new colour in the middle of the page."""
        self.paint(self.model.settings_of(self.sketch).hints, 24, bytes([40, 90 + run, 200, 255]), run)
        return (yield from self.timed(self.session.redo))

    def binding(self, run):
        """A region takes the colour of a spot."""
        key = self.model.settings_of(self.sketch).references[0].source.key
        x, y = self.document.width() * (3 + run) // 10, self.document.height() * 6 // 10
        self.model.change_for(self.sketch, bindings=(Binding(x, y, key, 300 + 20 * run, 500),))
        return (yield from self.timed(self.session.redo))

    def mask(self, run):
        """A box is added to the figure."""
        side = self.document.width() // 6
        self.paint(
            self.model.settings_of(self.sketch).sketch_mask, side, bytes([255, 140, 140, 255]), 3 * run
        )
        return (yield from self.timed(self.session.redo))

    def paint(self, layer_id, side, pixel, step):
        """A square on a layer, another place each time."""
        node = self.port._port.documents.node(self.model.info.key, layer_id)
        x, y = self.document.width() // 8 + step * 60, self.document.height() * 2 // 5 + step * 40
        node.setPixelData(QByteArray(pixel * (side * side)), x, y, side, side)
        self.document.refreshProjection()
