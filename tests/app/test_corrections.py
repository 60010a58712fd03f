"""Corrections: a click offers colours, the chosen one is put in at once as one undo step and stays with its result."""

from __future__ import annotations

from typing import Any

import pytest
from docker_stage import Page, colorize, wait
from fake_port import FakePort

from krita_colorize.app.corrections import Offered
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.job import JobState
from krita_colorize.app.session import Session
from krita_colorize.core.corrections import NO_COLOUR, Swatch
from krita_colorize.core.errors import UserError
from krita_colorize.core.port import Pixels

OLD, GREEN, BLUE = "#f08010", "#00c800", "#0000c8"
BGRA = {OLD: b"\x10\x80\xf0\xff", GREEN: b"\x00\xc8\x00\xff", BLUE: b"\xc8\x00\x00\xff"}
STRIPES = (8, 24, 40, 56)  # a column of each


@pytest.fixture
def item(ready: Session, page: Page, model: DocumentModel, qtbot: Any) -> Item:
    model.change(model="regions")
    found = colorize(ready, qtbot)
    ready.apply()
    wait(qtbot, lambda: page.document.undo)
    return found


@pytest.fixture
def offers(ready: Session) -> list[Offered]:
    found: list[Offered] = []
    ready.corrections.offered.connect(found.append)
    return found


def click(session: Session, port: FakePort, offers: list[Offered], x: int, qtbot: Any) -> Offered:
    before = len(offers)
    if not session.corrections.on:
        session.corrections.start(session.document)
    port.click_canvas(x, 20)
    wait(qtbot, lambda: len(offers) > before or session.error)
    return offers[-1]


def choose(session: Session, offered: Offered, colour: str, qtbot: Any, **how: bool) -> None:
    before = offered.item.changes
    swatches = [*offered.offer.likely, *offered.offer.palette, NO_COLOUR]
    session.corrections.choose(offered, next(one for one in swatches if one.shown == colour), **how)
    wait(qtbot, lambda: offered.item.changes > before or session.error)


def columns(page: Page) -> list[bytes]:
    """A pixel of each stripe."""
    key = page.find("Flats")
    pixels = page.document.pixels[key]
    return [bytes(pixels.data[(20 * 64 + x) * 4 :][:4]) for x in STRIPES]


def stripes(*colours: str) -> list[bytes]:
    return [BGRA.get(colour, bytes(4)) for colour in colours]


def test_a_click_offers_likely_colours_then_the_palette(
    ready: Session, port: FakePort, item: Item, offers: list[Offered], qtbot: Any
) -> None:
    offered = click(ready, port, offers, STRIPES[0], qtbot)
    assert offered.offer.likely == (Swatch(GREEN, GREEN), Swatch(BLUE, BLUE))
    assert [one.shown for one in offered.offer.palette] == [OLD, GREEN, BLUE]
    assert offered.offer.same == (0, 2)
    assert offered.screen == (STRIPES[0], 20)
    assert port.picked is not None  # it goes on


def test_a_choice_repaints_alike_regions_as_one_undo_step(
    ready: Session, page: Page, port: FakePort, item: Item, offers: list[Offered], qtbot: Any
) -> None:
    steps = len(page.document.undo)
    choose(ready, click(ready, port, offers, STRIPES[0], qtbot), GREEN, qtbot)
    assert columns(page) == stripes(GREEN, OLD, GREEN, OLD)
    assert len(page.document.undo) == steps + 1
    assert {one.colour for one in item.result.request.settings.corrections} == {GREEN}
    assert len(item.result.request.settings.corrections) == 2
    assert ready.jobs.of(page.key) == []


def test_one_region_may_be_changed_alone_or_cleared(
    ready: Session, page: Page, port: FakePort, item: Item, offers: list[Offered], qtbot: Any
) -> None:
    choose(ready, click(ready, port, offers, STRIPES[0], qtbot), BLUE, qtbot, alone=True)
    choose(ready, click(ready, port, offers, STRIPES[1], qtbot), "", qtbot)
    assert columns(page) == stripes(BLUE, "", OLD, OLD)


def test_a_corrected_region_offers_its_former_colour(
    ready: Session, port: FakePort, item: Item, offers: list[Offered], qtbot: Any
) -> None:
    choose(ready, click(ready, port, offers, STRIPES[0], qtbot), GREEN, qtbot)
    again = click(ready, port, offers, STRIPES[2], qtbot)
    assert [one.shown for one in again.offer.likely] == [OLD, BLUE]


def test_two_corrections_at_once_both_count(
    ready: Session, page: Page, port: FakePort, item: Item, offers: list[Offered], qtbot: Any
) -> None:
    first, second = (click(ready, port, offers, x, qtbot) for x in (STRIPES[1], STRIPES[3]))
    before = item.changes
    ready.corrections.choose(first, first.offer.likely[0])
    ready.corrections.choose(second, second.offer.likely[1])
    wait(qtbot, lambda: item.changes >= before + 2 or ready.error)
    assert columns(page) == stripes(OLD, GREEN, OLD, BLUE)
    assert {one.colour for one in item.result.request.settings.corrections} == {GREEN, BLUE}


def test_corrections_are_made_while_jobs_run(
    ready: Session,
    page: Page,
    model: DocumentModel,
    port: FakePort,
    item: Item,
    offers: list[Offered],
    qtbot: Any,
) -> None:
    offered = click(ready, port, offers, STRIPES[0], qtbot)
    model.change(model="slow")
    ready.colorize()
    (job,) = ready.jobs.of(page.key)
    wait(qtbot, lambda: job.state is JobState.RUNNING)
    choose(ready, offered, GREEN, qtbot)
    assert columns(page)[0] == BGRA[GREEN]
    job.cancel()


def test_strokes_of_the_artist_stay(
    ready: Session, page: Page, port: FakePort, item: Item, offers: list[Offered], qtbot: Any
) -> None:
    key = page.find("Flats")
    stroke = b"\x01\x02\x03\xff"
    data = bytearray(page.document.pixels[key].data)
    data[(20 * 64 + STRIPES[0]) * 4 :][:4] = stroke
    data[(20 * 64 + STRIPES[0]) * 4 : (20 * 64 + STRIPES[0] + 1) * 4] = stroke
    page.document.pixels[key] = Pixels(64, 48, bytes(data))
    choose(ready, click(ready, port, offers, STRIPES[0], qtbot), GREEN, qtbot)
    assert columns(page) == [stroke, *stripes(OLD, GREEN, OLD)]


def test_redo_sends_corrections_and_a_new_colouring_does_not(
    ready: Session,
    page: Page,
    model: DocumentModel,
    port: FakePort,
    item: Item,
    offers: list[Offered],
    qtbot: Any,
) -> None:
    choose(ready, click(ready, port, offers, STRIPES[0], qtbot), GREEN, qtbot)
    hints = port.add_layer(page.document, "Hints")
    model.change_for(page.lines.id, hints=hints.id)
    before = item.changes
    ready.redo()
    wait(qtbot, lambda: item.changes > before or ready.error)
    assert columns(page) == stripes(GREEN, OLD, GREEN, OLD)
    sent = item.result.record["request"]["corrections"]
    assert sent == [] or {one["colour"] for one in sent} == {GREEN}
    assert {one.colour for one in item.result.request.settings.corrections} == {GREEN}
    model.choose_sketch(page.lines.id)
    assert colorize(ready, qtbot).result.request.settings.corrections == ()


def test_what_was_undone_is_not_sent_again(
    ready: Session,
    page: Page,
    model: DocumentModel,
    port: FakePort,
    item: Item,
    offers: list[Offered],
    qtbot: Any,
) -> None:
    key = page.find("Flats")
    before = page.document.pixels[key]
    choose(ready, click(ready, port, offers, STRIPES[0], qtbot), GREEN, qtbot)
    page.document.pixels[key] = before
    choose(ready, click(ready, port, offers, STRIPES[1], qtbot), BLUE, qtbot)
    assert {one.colour for one in item.result.request.settings.corrections} == {BLUE}


def test_palette_edits_and_corrections_go_together(
    ready: Session, page: Page, port: FakePort, item: Item, offers: list[Offered], qtbot: Any
) -> None:
    before = item.changes
    ready.palettes.edit(ready.document, {OLD: GREEN, GREEN: OLD})
    wait(qtbot, lambda: item.changes > before)
    offered = click(ready, port, offers, STRIPES[0], qtbot)
    assert offered.offer.likely[0] == Swatch(OLD, GREEN)
    choose(ready, offered, OLD, qtbot)
    assert columns(page) == stripes(OLD, GREEN, OLD, GREEN)
    assert {one.colour for one in item.result.request.settings.corrections} == {GREEN}


def test_next_offers_what_is_doubted_and_skips_what_is_done(
    ready: Session, page: Page, model: DocumentModel, item: Item, offers: list[Offered], qtbot: Any
) -> None:
    ready.checks.follow(model)
    ready.corrections.next(model)
    wait(qtbot, lambda: offers or ready.error)
    assert offers[-1].offer.region == 1
    choose(ready, offers[-1], GREEN, qtbot)
    ready.checks.follow(model)
    assert len(ready.checks.places) == 1
    ready.corrections.next(model)
    wait(qtbot, lambda: len(offers) > 1 or ready.error)
    assert offers[-1].offer.region == 3


def test_a_result_that_is_not_applied_is_coloured_again(
    ready: Session, page: Page, model: DocumentModel, port: FakePort, offers: list[Offered], qtbot: Any
) -> None:
    model.change(model="regions")
    colorize(ready, qtbot)
    offered = click(ready, port, offers, STRIPES[0], qtbot)
    ready.corrections.choose(offered, offered.offer.likely[0])
    wait(qtbot, lambda: len(model.results) == 2 or ready.error)
    flats = model.results[0].result.layers()[0].pixels
    assert [bytes(flats.data[(20 * 64 + x) * 4 :][:4]) for x in STRIPES] == stripes(GREEN, OLD, GREEN, OLD)
    assert page.document.undo == []


def test_saved_results_keep_their_corrections(
    item: Item, ready: Session, port: FakePort, offers: list[Offered], qtbot: Any
) -> None:
    choose(ready, click(ready, port, offers, STRIPES[0], qtbot), "", qtbot)
    request = item.result.request
    assert type(request).from_json(request.to_json()) == request
    assert {one.colour for one in request.settings.corrections} == {""}


def test_without_a_result_there_is_nothing_to_correct(
    ready: Session, page: Page, model: DocumentModel
) -> None:
    with pytest.raises(UserError, match="press Colorize first"):
        ready.corrections.start(model)
    assert not ready.corrections.on


def test_another_document_ends_it(ready: Session, port: FakePort, item: Item, qtbot: Any) -> None:
    ready.corrections.start(ready.document)
    port.open("other.kra")
    wait(qtbot, lambda: not ready.corrections.on)
    assert port.picked is None


def test_results_without_regions_say_so(
    ready: Session, page: Page, model: DocumentModel, port: FakePort, qtbot: Any
) -> None:
    colorize(ready, qtbot)
    ready.corrections.start(model)
    port.click_canvas(3, 3)
    wait(qtbot, lambda: ready.error)
    assert ready.error.startswith("This result can't be corrected by clicks.")
