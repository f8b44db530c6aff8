"""fal.ai's official client: it gets on with the simulator's queue and storage, and asks as our own client does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpers.http_double import HttpDouble, Request

from ceos.clients.fal.client import Fal
from ceos.clients.fal.models import VIDEO_MODELS
from ceos.clients.fal.videos import Video
from ceos.simulator import running
from ceos.simulator.fal.pixels import film, gradient
from ceos.simulator.server import Running

fal_client = pytest.importorskip("fal_client", reason="fal-client is not installed")

WAN = VIDEO_MODELS[0].endpoint


@pytest.fixture(scope="module")
def sim() -> Iterator[Running]:
    with running(seed=7) as simulator:
        yield simulator


def official(monkeypatch: pytest.MonkeyPatch, queue_url: str, rest_url: str) -> Any:
    """Return the official client with other addresses than fal.ai's own."""
    monkeypatch.setattr(fal_client.client, "QUEUE_URL_FORMAT", f"{queue_url}/")
    monkeypatch.setattr(fal_client.client, "REST_URL", rest_url)
    return fal_client.SyncClient(key="simulated:key")


def test_the_official_client_gets_a_video_from_the_simulator(sim: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    client = official(monkeypatch, sim.fal_queue_url, sim.fal_rest_url)
    handle = client.submit(WAN, {"prompt": "waves", "aspect_ratio": "9:16"})
    states = [type(event).__name__ for event in handle.iter_events(with_logs=True, interval=0.0)]
    assert states == ["Queued", "InProgress", "Completed"]
    assert handle.get()["video"]["content_type"] == "video/mp4"


def test_the_official_client_stores_a_file_in_the_simulator(sim: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    client = official(monkeypatch, sim.fal_queue_url, sim.fal_rest_url)
    url = client.upload(film(), "video/mp4", "a.mp4", repository="fal", fallback_repository=[])
    assert requests.get(url, timeout=10).content == film()


def test_a_job_of_the_official_client_is_one_of_ours(sim: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = official(monkeypatch, sim.fal_queue_url, sim.fal_rest_url).submit(WAN, {"prompt": "waves"})
    fal = Fal("simulated:key", sim.fal_run_url, sim.fal_queue_url, sim.fal_rest_url)
    job = fal.video_job("wan", handle.request_id)
    urls = (handle.status_url, handle.response_url, handle.cancel_url)
    assert (job.status_url, job.response_url, job.cancel_url) == urls
    found = [fal.poll_video(job) for _ in range(3)]
    assert found == [None, None, Video(url=handle.get()["video"]["url"], content_type="video/mp4")]


def asked(request: Request) -> dict[str, Any]:
    """Return the parts of a request that fal.ai reads."""
    headers = {name: request.headers.get(name) for name in ("authorization", "content-type")}
    return {"what": (request.method, request.path), "query": request.query, "body": request.raw, **headers}


def as_json(request: Request) -> dict[str, Any]:
    return {**asked(request), "body": request.body}


def test_both_clients_send_the_same_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpDouble() as http:
        base = f"{http.url}/queue/fal-ai/wan/requests/r-1"
        urls = {"status_url": f"{base}/status", "response_url": base, "cancel_url": f"{base}/cancel"}
        for client_number in range(2):
            http.answer({"request_id": "r-1", **urls, "status": "IN_QUEUE", "queue_position": 0})
            http.answer({"status": "COMPLETED", "logs": None, "metrics": {}})
            http.answer({"video": {"url": f"{http.url}/f.mp4", "content_type": "video/mp4"}})
            if client_number == 0:
                http.answer(film(), headers={"Content-Type": "video/mp4"})
            http.answer({"status": "CANCELLATION_REQUESTED"}, 202)
        webhook = "https://a.example/webhooks/fal?run=ada%3A1&key=k"
        fal = Fal("simulated:key", http.url, f"{http.url}/queue", sleep=lambda seconds: None)
        job = fal.submit_video("waves", model="wan", style="anime", webhook=webhook)
        fal.poll_video(job)
        fal.cancel_video(job)
        ours = [request for request in http.requests if request.path != "/f.mp4"]
        http.requests.clear()
        client = official(monkeypatch, f"{http.url}/queue", http.url)
        handle = client.submit(WAN, ours[0].body, webhook_url=webhook)
        handle.get()
        handle.cancel()
        theirs = http.requests
    assert [as_json(one) for one in ours[:1]] == [as_json(one) for one in theirs[:1]]
    assert [asked(one)["what"] for one in ours] == [asked(one)["what"] for one in theirs]
    assert {one.headers["authorization"] for one in [*ours, *theirs]} == {"Key simulated:key"}


def test_both_clients_store_files_by_the_same_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpDouble() as http:
        for _ in range(2):
            http.answer({"upload_url": f"{http.url}/put/1?signature=s", "file_url": "https://v3.fal.media/files/a.png"})
            http.answer({})
        fal = Fal("simulated:key", http.url, http.url, http.url, sleep=lambda seconds: None)
        assert fal.upload(gradient("a"), "image/png", "a.png") == "https://v3.fal.media/files/a.png"
        client = official(monkeypatch, http.url, http.url)
        client.upload(gradient("a"), "image/png", "a.png", repository="fal", fallback_repository=[])
        ours, theirs = http.requests[:2], http.requests[2:]
    assert {**as_json(ours[0]), "query": {}} == {**as_json(theirs[0]), "query": {}}
    assert {**asked(ours[1]), "authorization": ""} == {**asked(theirs[1]), "authorization": ""}
    # The address for the bytes is enough; the key does not go there.
    assert "authorization" not in ours[1].headers
