"""One contract: what is made of it is up to date, and the docker's values, writers and readers follow it."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from colorizer.engines import registry
from colorizer.protocol import answers, describe, engines, result
from colorizer.protocol import options as options_of
from colorizer.protocol import request as request_of
from colorizer.protocol.base import API, Message
from colorizer.protocol.modes import Mode
from colorizer.server import worker
from colorizer_lab import contract
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from wire.instances import instances
from wire.test_both_sides import flat_result, redo_of

from krita_colorize.core import bundle as docker_bundle
from krita_colorize.core import (
    catalogue,
    edit_request,
    job_status,
    modes,
    option_table,
)
from krita_colorize.core import engines as docker_engines
from krita_colorize.core import request as docker_request
from krita_colorize.core import settings as docker_settings
from krita_colorize.core.edits import Binding, Correction, Swap
from krita_colorize.core.port import Pixels
from krita_colorize.core.settings import Options, Reference, Settings, Source, SourceKind

SOURCE = Source(SourceKind.FILE, "/sheet.png", "sheet.png")


@pytest.mark.parametrize("path", [contract.PAGE, contract.ENGINES])
def test_what_is_made_of_the_contract_is_up_to_date(path: str) -> None:
    there = (contract.ROOT / path).read_text("utf-8")
    assert there == contract.files()[path], "run `python -m colorizer_lab.contract`"


def test_both_sides_speak_the_same_version() -> None:
    assert docker_request.API == API
    for model in (request_of.JobRequest, request_of.EditRequest):
        assert model.model_json_schema()["properties"]["api"]["const"] == API


def test_the_dockers_options_are_the_contracts() -> None:
    ours = {item.name: item.default for item in fields(Options) if item.default is not MISSING}
    wanted = {name: field.default for name, field in options_of.Options.model_fields.items()}
    assert ours == {name: default for name, default in wanted.items() if name != "advanced"}


def test_the_dockers_words_are_the_contracts() -> None:
    assert {mode.value for mode in modes.Mode} == {mode.value for mode in Mode}
    assert {state.value for state in job_status.State} == {state.value for state in answers.JobState}
    assert {state.value for state in catalogue.ModelState} == {state.value for state in answers.ModelState}
    kinds = TypeAdapter(options_of.Option).json_schema()["properties"]["kind"]["enum"]
    assert set(option_table.KINDS) == set(kinds)


def test_the_dockers_limits_are_the_contracts() -> None:
    schema = request_of.JobRequest.model_json_schema()
    assert schema["properties"]["references"]["maxItems"] == docker_settings.MAX_REFERENCES
    assert schema["$defs"]["Options"]["properties"]["line_gap"]["maximum"] == docker_settings.MAX_LINE_GAP
    assert option_table.LONGEST_TEXT == options_of.LONGEST_TEXT


@given(instances(answers.JobStatus))
def test_the_docker_reads_every_status(data: dict[str, Any]) -> None:
    read = job_status.read(data)
    assert (read.id, read.state.value, read.stage) == (data["id"], data["state"], data["stage"])
    assert (read.position, read.preview) == (data["position"], data["preview"])
    assert read.error == (data["error"]["message"] if data["error"] else "")


@given(instances(engines.EngineList))
@settings(max_examples=40)
def test_the_docker_reads_every_list_of_engines(data: dict[str, Any]) -> None:
    read = docker_engines.read(data)
    assert [engine.name for engine in read] == [engine["name"] for engine in data["engines"]]
    known = {option["name"] for option in data["options"]}
    for engine, told in zip(read, data["engines"], strict=True):
        assert set(engine.table) == known & set(told["options"])


@given(instances(answers.ModelList))
@settings(max_examples=40)
def test_the_docker_reads_every_list_of_models(data: dict[str, Any]) -> None:
    assert [model.name for model in catalogue.read_models(data)] == [one["name"] for one in data["models"]]
    task = catalogue.read_task(data["task"])
    assert (task and task.stage) == (data["task"] and data["task"]["stage"])


def allowed(model: type[Message], value: object) -> None:
    model.model_validate_json(json.dumps(value))


@given(
    st.builds(Options, line_gap=st.floats(0, 0.1), steps=st.integers(0, 1000)), st.sampled_from(modes.Mode)
)
def test_what_the_docker_asks_for_follows_the_schema(chosen: Options, mode: modes.Mode) -> None:
    sketch = Pixels(2, 1, bytes(8), 3, -4)
    asked = Settings(
        mode=mode,
        references=(Reference(SOURCE),),
        bindings=(Binding(1, 0, SOURCE.key, 0, 0),),
        corrections=(Correction(1, 0, "#000001"), Correction(0, 0, ""), Correction(9, 0, "")),
        swaps=(Swap("#000001", "#000002"),),
        options=chosen,
    )
    redo = redo_of(sketch, sketch)
    sent = docker_request.Pictures(sketch, None, ((sketch, None),), hints=sketch, redo=redo)
    parts = docker_request.bundle_parts(docker_request.Request(SOURCE, 2, 1, asked), sent)
    header = docker_bundle.decode(b"".join(parts)).header
    allowed(request_of.JobRequest, header["request"])
    assert set(header["request"]) == set(request_of.JobRequest.model_fields)


def test_what_the_docker_edits_follows_the_schema() -> None:
    result = flat_result(bytes(8))
    parts = edit_request.parts(
        {"figure": Pixels(2, 1, bytes(8), 3, -4)}, [Swap("#000001", "#000002")], result
    )
    allowed(request_of.EditRequest, docker_bundle.decode(b"".join(parts)).header["edit"])


def test_the_description_has_every_message() -> None:
    found = describe.openapi()
    assert json.dumps(found)
    named = set(found["components"]["schemas"])
    assert {"JobRequest", "EditRequest", "JobStatus", "EngineInfo", "ModelEntry", "ErrorBody"} <= named
    assert {"ResultHeader", "LayerEntry", "Option", "TaskStatus"} <= named


@pytest.mark.parametrize("name", describe.tables())
def test_every_table_is_on_the_page(name: str) -> None:
    page = (Path(contract.ROOT) / contract.PAGE).read_text("utf-8")
    assert describe.tables()[name] in page


def test_results_are_written_as_the_contract_says() -> None:
    entry = {"name": "Flats", "role": "figure", "blob": 1, "x": 0, "y": 0, "blend": "normal", "opacity": 1.0}
    header = {"preview": 0, "layers": [{**entry, "clip": False, "mask": None}], "check": None, "record": {}}
    labels = {
        "labels": {"blob": 2, "runs": 1},
        "colours": ["#010203"],
        "background": [],
        "likely": [[0]],
        "alike": [[]],
    }
    header["regions"] = labels
    header["redo"] = None
    assert result.ResultHeader.model_validate_json(json.dumps(header)).model_dump(mode="json") == header


def test_the_docker_reads_what_the_real_engines_say() -> None:
    said = json.loads(json.dumps(worker.describe_engines()))
    told = {"ok": True, "engines": said, "options": [option.model_dump() for option in options_of.table()]}
    engines.EngineList.model_validate(told)
    assert [engine.name for engine in docker_engines.read(told)] == list(registry.names())
