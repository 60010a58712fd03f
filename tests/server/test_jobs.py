"""The life of jobs, over real HTTP with a real worker process."""

from __future__ import annotations

import http.client
import json
import threading
import zlib

import pytest
from running_backend import Backend, JobBundle, check_error, job, open_bundle


def test_colours_a_sketch(backend: Backend) -> None:
    header, blobs = run(backend, job(width=20, height=10))
    (layer,) = header["layers"]
    assert blobs[layer["blob"]] == b"\x01\x02\x03\xff" * 200
    assert blobs[layer["mask"]["blob"]] == b"\xff" * 200
    assert (layer["name"], layer["role"], layer["mask"]["name"]) == ("Flats", "figure", "Foreground mask")


def test_record_says_how_it_came_about(backend: Backend) -> None:
    record = run(backend, job(request={"seed": 7}))[0]["record"]
    assert record["request"]["seed"] == 7
    assert record["request"]["options"]["steps"] == 0
    pictures = {"sketch", "sketch_mask", "references", "reference_masks", "background", "hints"}
    assert set(record["hashes"]) == {"model", *pictures}
    assert {"colorizer", "torch", "device"} <= set(record["versions"])
    assert record["sketch_has_paper"] is False


def test_same_request_gives_same_bytes(backend: Backend) -> None:
    first, second = (run(backend, job("noise", request={"seed": 3}))[1][1:] for _ in range(2))
    assert first == second
    assert first != run(backend, job("noise", request={"seed": 4}))[1][1:]


def test_preview_is_a_png(backend: Backend) -> None:
    id_ = backend.submit(job(width=3000, height=1500))
    backend.wait(id_)
    answer = backend.get(f"/v1/jobs/{id_}/preview")
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.body[16:24] == (1024).to_bytes(4, "big") + (512).to_bytes(4, "big")


def test_finds_a_mask(backend: Backend) -> None:
    bundle = JobBundle(request={"task": "mask", "references": []})
    bundle.blobs[0] = (bundle.blobs[0][0], b"\x00\x00\x00\x80" * 48)
    header, blobs = run(backend, bundle.encode())
    (layer,) = header["layers"]
    assert layer["role"] == "mask"
    assert blobs[layer["blob"]] == b"\xff\xff\xff\x80" * 48


def test_deflated_pictures_arrive(backend: Backend) -> None:
    bundle = JobBundle()
    bundle.request["references"][0]["picture"]["blob"] = bundle.add(
        "bgra8", 2, 1, zlib.compress(b"\x09\x08\x07\xff" * 2), "deflate"
    )
    header, blobs = run(backend, bundle.encode())
    assert blobs[1][:4] == b"\x09\x08\x07\xff"


def test_events_tell_the_whole_story(backend: Backend) -> None:
    id_ = backend.submit(job("slow"))
    connection, events = listen(backend, id_)
    first = next(events)
    assert first["state"] in ("queued", "running")
    steps = [
        next(event for event in events if event["stage"] == "Painting slowly" and event["done"] >= n)
        for n in (2, 20)  # previews come after half a second
    ]
    backend.delete(id_)
    rest = list(events)
    connection.close()
    assert steps[0]["done"] < steps[1]["done"] <= 600
    assert rest[-1]["state"] == "cancelled"
    assert rest[-1]["preview"] > 0


def test_no_preview_where_nobody_looks(backend: Backend) -> None:
    id_ = backend.submit(job("slow"))
    backend.wait_until(lambda: backend.status(id_)["done"] > 3)
    assert backend.status(id_)["preview"] == 0
    check_error(backend.get(f"/v1/jobs/{id_}/preview"), 409, "not_ready")
    backend.wait_until(lambda: backend.status(id_)["preview"] > 0)
    backend.delete(id_)
    backend.wait(id_)


def test_jobs_run_in_order(backend: Backend) -> None:
    ids = [backend.submit(job("slow")), backend.submit(job()), backend.submit(job())]
    backend.wait_for_state(ids[0], "running")
    assert [backend.status(id_)["position"] for id_ in ids] == [0, 1, 2]
    assert backend.get("/v1/health").json["waiting"] == 2
    backend.delete(ids[1])
    assert backend.status(ids[1])["state"] == "cancelled"
    assert backend.status(ids[2])["position"] == 1
    backend.delete(ids[0])
    assert backend.wait(ids[2])["state"] == "done"


def test_result_is_not_there_yet(backend: Backend) -> None:
    id_ = backend.submit(job("slow"))
    check_error(backend.get(f"/v1/jobs/{id_}/result"), 409, "not_ready")
    backend.delete(id_)
    assert backend.wait(id_)["state"] == "cancelled"
    check_error(backend.get(f"/v1/jobs/{id_}/result"), 409, "not_ready")


def test_deleted_twice_is_forgotten(backend: Backend) -> None:
    id_ = backend.submit(job())
    backend.wait(id_)
    assert backend.delete(id_).json["state"] == "done"
    check_error(backend.delete(id_), 404, "unknown_job")


@pytest.mark.parametrize(
    ("script", "code", "word"),
    [
        ("fails", "nothing_to_colour", "Draw"),
        ("bug", "internal", "log"),
        ("memory", "out_of_memory", "smaller"),
    ],
)
def test_failed_job_says_why(backend: Backend, script: str, code: str, word: str) -> None:
    worker = backend.worker.pid
    error = backend.wait(backend.submit(job(script)))["error"]
    assert error["code"] == code
    assert word in error["message"]
    assert backend.wait(backend.submit(job()))["state"] == "done"
    assert backend.worker.pid == worker


def test_broken_pixels_fail_the_job(backend: Backend) -> None:
    bundle = JobBundle()
    bundle.request["sketch"]["blob"] = bundle.add(
        "bgra8", 8, 6, zlib.compress(bytes(8 * 6 * 4 + 1)), "deflate"
    )
    assert backend.wait(backend.submit(bundle.encode()))["error"]["code"] == "invalid_bundle"


def test_two_clients_each_get_their_own(backend: Backend) -> None:
    found: dict[int, set[bytes]] = {}

    def client(colour: int) -> None:
        pixel = bytes([colour, colour, colour, 255])
        bundle = JobBundle()
        bundle.request["references"][0]["picture"]["blob"] = bundle.add("bgra8", 1, 1, pixel)
        found[colour] = {run(backend, bundle.encode())[1][1][:4] for _ in range(5)}

    threads = [threading.Thread(target=client, args=(colour,)) for colour in (10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {10: {b"\x0a\x0a\x0a\xff"}, 20: {b"\x14\x14\x14\xff"}}


def test_oldest_ended_jobs_go(start_backend) -> None:
    backend = start_backend(kept_jobs=2)
    ids = [backend.submit(job()) for _ in range(3)]
    backend.wait(ids[2])
    check_error(backend.get(f"/v1/jobs/{ids[0]}"), 404, "unknown_job")
    assert backend.status(ids[1])["state"] == "done"


def test_quiet_event_streams_say_so(start_backend) -> None:
    backend = start_backend(heartbeat_s=0.1, cancel_grace_s=0.5)
    id_ = backend.submit(job("deaf"))
    connection, answer = open_events(backend, id_)
    lines = iter(answer.readline, b"")
    assert any(line.startswith(b":") for line in lines)
    connection.close()
    backend.delete(id_)
    backend.wait(id_)


def run(backend: Backend, body: bytes):
    """Header and blobs of the result of a job that must succeed."""
    id_ = backend.submit(body)
    status = backend.wait(id_)
    assert status["state"] == "done", status
    answer = backend.get(f"/v1/jobs/{id_}/result")
    assert answer.headers["Content-Type"] == "application/vnd.colorize.bundle"
    return open_bundle(answer.body)


def open_events(backend: Backend, id_: str):
    connection = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=30)
    connection.request("GET", f"/v1/jobs/{id_}/events", headers=backend.headers)
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    return connection, answer


def listen(backend: Backend, id_: str):
    connection, answer = open_events(backend, id_)
    lines = iter(answer.readline, b"")
    return connection, (json.loads(line[6:]) for line in lines if line.startswith(b"data: "))
