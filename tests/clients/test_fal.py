"""The fal.ai client against a real local server: exact parameters, no dearer model, no key for strangers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.http_double import HttpDouble

from ceos.clients.fal.api import ContentRefused, Wasted
from ceos.clients.fal.client import Fal, Picture
from ceos.clients.fal.files import MediaKind, ResultFiles
from ceos.clients.fal.models import (
    IMAGE_MODELS,
    STYLES,
    VIDEO_MODELS,
    Aspect,
    ModelName,
    image_price_usd,
    video_cost_usd,
)
from ceos.clients.fal.videos import Video, VideoJob
from ceos.domain.agent import IMAGE_STYLES
from ceos.errors import (
    InvalidInput,
    KeyRefused,
    LimitReached,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServiceError,
    ServiceUnavailable,
)
from ceos.logs import MASK, redact

ULTRA, RECRAFT, SCHNELL, SCHNELL_2 = (f"/{model.endpoint}" for model in IMAGE_MODELS)
URL = "https://v3.fal.media/files/a/b.jpg"


class Unchecked(ResultFiles):
    """Takes every file for what the answer says."""

    def check(self, url: str, declared: str, kind: MediaKind) -> str:
        return declared


@pytest.fixture
def http() -> Iterator[HttpDouble]:
    with HttpDouble() as server:
        yield server


@pytest.fixture
def fal(http: HttpDouble) -> Fal:
    return Fal("fal-test-key", http.url, http.url + "/queue", sleep=lambda seconds: None, files=Unchecked([]))


def picture(**overrides: Any) -> dict[str, Any]:
    """The answer of a FLUX model."""
    image = {"url": URL, "width": 1024, "height": 768, "content_type": "image/jpeg"}
    return {"images": [image], "seed": 2**60, "has_nsfw_concepts": [False], "prompt": "…", "timings": {}} | overrides


def detail(kind: str, message: str = "no") -> dict[str, Any]:
    """The body of a model error."""
    return {"detail": [{"loc": ["body", "prompt"], "msg": message, "type": kind, "input": "private prompt"}]}


def draw(fal: Fal, model: ModelName = "pro-ultra", **options: Any) -> Picture:
    settings: dict[str, Any] = {"style": "anime", "max_usd": 1.0, "charge": lambda usd: None} | options
    return fal.image("a lighthouse", model=model, **settings)


def asked(http: HttpDouble) -> list[str]:
    return [request.path for request in http.requests]


# Parameters


@pytest.mark.parametrize(
    ("aspect", "size", "ratio"),
    [("square", "square_hd", "1:1"), ("landscape", "landscape_4_3", "4:3"), ("portrait", "portrait_4_3", "3:4")],
)
def test_each_model_gets_exactly_its_own_parameters(
    http: HttpDouble, fal: Fal, aspect: Aspect, size: str, ratio: str
) -> None:
    http.answer(picture(), times=3)
    for model in ("schnell", "pro-ultra", "recraft"):
        fal.image(
            "a lighthouse", model=model, style="watercolor", aspect=aspect, seed=5, max_usd=1, charge=lambda usd: None
        )
    words = f"a lighthouse\n\nStyle: {STYLES['watercolor'].words}."
    assert asked(http) == [SCHNELL, ULTRA, RECRAFT]
    assert [request.body for request in http.requests] == [
        {
            "prompt": words,
            "num_images": 1,
            "seed": 5,
            "image_size": size,
            "num_inference_steps": 4,
            "enable_safety_checker": True,
        },
        {"prompt": words, "num_images": 1, "seed": 5, "aspect_ratio": ratio, "safety_tolerance": "2"},
        {
            "prompt": "a lighthouse",
            "image_size": size,
            "style": "digital_illustration/watercolor",
            "enable_safety_checker": True,
        },
    ]


def test_the_key_goes_into_the_header_and_the_file_is_kept(http: HttpDouble, fal: Fal) -> None:
    http.answer(picture())
    draw(fal)
    headers = http.requests[0].headers
    assert headers["authorization"] == "Key fal-test-key"
    assert headers["x-fal-object-lifecycle-preference"] == '{"expiration_duration_seconds": null}'
    assert redact("fal-test-key") == MASK


def test_every_style_of_an_agent_file_has_a_preset_and_no_preset_is_vector() -> None:
    assert tuple(STYLES) == IMAGE_STYLES
    assert not [style for style in STYLES.values() if style.recraft.startswith("vector")]


def test_recraft_gets_at_most_a_thousand_characters_cut_between_words(http: HttpDouble, fal: Fal) -> None:
    http.answer(picture(), times=2)
    fal.image("sea " * 400, model="recraft", style="anime", max_usd=1, charge=lambda usd: None)
    fal.image("é" * 1500, model="recraft", style="anime", max_usd=1, charge=lambda usd: None)
    first, second = (request.body["prompt"] for request in http.requests)
    assert (len(first), first[-4:]) == (999, " sea")
    assert len(second) == 1000


@pytest.mark.parametrize(
    ("options", "words"),
    [({"style": "cubist"}, "No image style named 'cubist'"), ({"model": "dalle"}, "No image model named 'dalle'")],
)
def test_an_unknown_style_or_model_is_named_with_the_known_ones(
    http: HttpDouble, fal: Fal, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        draw(fal, **options)
    assert http.requests == []


# Results and prices


@pytest.mark.parametrize(
    ("model", "size", "cost"),
    [
        ("schnell", (1024, 768), 0.003),
        ("schnell", (1024, 1024), 0.006),
        ("pro-ultra", (2752, 1536), 0.06),
        ("recraft", (None, None), 0.04),
    ],
)
def test_a_picture_says_what_it_cost(
    http: HttpDouble, fal: Fal, model: ModelName, size: tuple[int | None, int | None], cost: float
) -> None:
    image = {"url": URL, "width": size[0], "height": size[1], "content_type": "image/jpeg"}
    http.answer(picture(images=[image]))
    assert draw(fal, model) == Picture(URL, model, cost, "image/jpeg")


def test_recrafts_answer_has_neither_size_nor_flags(http: HttpDouble, fal: Fal) -> None:
    http.answer({"images": [{"url": URL, "content_type": "image/webp", "file_name": "a", "file_size": 9}]})
    assert draw(fal, "recraft") == Picture(URL, "recraft", 0.04, "image/webp")


def test_prices_are_known_before_asking() -> None:
    assert {model.name: image_price_usd(model.name, "landscape") for model in IMAGE_MODELS} == {
        "pro-ultra": 0.06,
        "recraft": 0.04,
        "schnell": 0.003,
        "schnell-2": 0.003,
    }
    assert image_price_usd("schnell", "square") == 0.006
    assert {model.name: video_cost_usd(model.name) for model in VIDEO_MODELS} == {"wan": 0.05, "seedance": 0.2}


def test_the_models_are_listed_from_the_most_expensive_to_the_cheapest() -> None:
    for aspect in ("square", "landscape", "portrait"):
        prices = [model.price_of(aspect) for model in IMAGE_MODELS]
        assert prices == sorted(prices, reverse=True)


@pytest.mark.parametrize("flags", [[True], [False, True], True])
def test_a_flagged_picture_is_refused_and_no_other_model_is_asked(http: HttpDouble, fal: Fal, flags: Any) -> None:
    http.answer(picture(has_nsfw_concepts=flags))
    with pytest.raises(ContentRefused, match="flagged"):
        draw(fal)
    assert len(http.requests) == 1


@pytest.mark.parametrize("flags", [[False], [], None])
def test_a_picture_without_a_flag_is_fine(http: HttpDouble, fal: Fal, flags: Any) -> None:
    http.answer(picture(has_nsfw_concepts=flags))
    assert draw(fal).url == URL


@pytest.mark.parametrize(
    ("images", "words"),
    [
        pytest.param([], "holds no picture", id="no images"),
        pytest.param(None, "holds no picture", id="no list"),
        pytest.param([{"url": None}], "holds no picture", id="no address"),
        pytest.param([{"url": "data:image/png;base64,AAAA"}], "not http", id="a data URI"),
        pytest.param([{"url": "https://a.example/" + "x" * 239}], "257 bytes", id="one byte too long"),
    ],
)
def test_an_address_that_no_cast_can_embed_is_refused(http: HttpDouble, fal: Fal, images: Any, words: str) -> None:
    http.answer(picture(images=images))
    with pytest.raises(RequestRefused, match=words):
        draw(fal, "schnell")


def test_an_address_of_the_greatest_length_is_taken(http: HttpDouble, fal: Fal) -> None:
    url = "https://a.example/" + "x" * 238
    http.answer(picture(images=[{"url": url}]))
    assert draw(fal).url == url


# Falling back


@pytest.mark.parametrize(
    ("status", "body", "attempts"),
    [
        pytest.param(500, {"detail": "boom", "error_type": "internal_error"}, 3, id="server error"),
        pytest.param(503, {"detail": "no runner", "error_type": "runner_scheduling_failure"}, 3, id="no runner"),
        pytest.param(504, b"<html>", 3, id="load balancer"),
        pytest.param(422, detail("value_error"), 1, id="invalid for this model"),
        pytest.param(422, {"detail": "bad aspect"}, 1, id="text alone"),
        pytest.param(404, {"detail": "Application not found"}, 1, id="model retired"),
    ],
)
def test_a_failed_model_is_replaced_by_the_next_cheaper_one(
    http: HttpDouble, fal: Fal, status: int, body: Any, attempts: int
) -> None:
    http.answer(body, status, times=attempts)
    http.answer(picture())
    assert draw(fal, max_usd=0.06) == Picture(URL, "recraft", 0.04, "image/jpeg")
    assert asked(http) == [ULTRA] * attempts + [RECRAFT]


@pytest.mark.parametrize(
    ("model", "max_usd", "tried"),
    [
        pytest.param("pro-ultra", 0.18, [ULTRA, RECRAFT, SCHNELL, SCHNELL_2], id="the best: all others cost less"),
        pytest.param("recraft", 0.12, [RECRAFT, SCHNELL, SCHNELL_2, ULTRA], id="cheaper ones first"),
        pytest.param("recraft", 0.04, [RECRAFT, SCHNELL, SCHNELL_2], id="a cap below the best"),
        pytest.param("schnell", 0.009, [SCHNELL, SCHNELL_2], id="the default: its twin"),
        pytest.param("schnell", 0.05, [SCHNELL, SCHNELL_2, RECRAFT], id="the next more expensive one"),
        pytest.param("schnell", 0.06, [SCHNELL, SCHNELL_2, RECRAFT, ULTRA], id="all that fit"),
        pytest.param("schnell", 0.003, [SCHNELL, SCHNELL_2], id="nothing above its own price"),
    ],
)
def test_the_other_models_within_the_cap_are_tried_and_the_first_failure_is_told(
    http: HttpDouble, fal: Fal, model: ModelName, max_usd: float, tried: list[str]
) -> None:
    for number in range(4):
        http.answer({"detail": f"reason {number}"}, 422)
    with pytest.raises(RequestRefused, match="reason 0"):
        draw(fal, model, max_usd=max_usd)
    assert asked(http) == tried


def test_the_most_that_may_be_charged_is_told_before_and_after_every_attempt(http: HttpDouble, fal: Fal) -> None:
    charged: list[float] = []
    http.answer(cut="unanswered")
    http.answer({"detail": "no"}, 422)
    http.answer(picture(images=[]))
    http.answer({"detail": "no"}, 422)
    with pytest.raises(OutcomeUnknown):
        draw(fal, "pro-ultra", max_usd=0.18, charge=charged.append)
    assert charged == [0.06, 0.06, 0.1, 0.06, 0.063, 0.063, 0.066, 0.063]


@pytest.mark.parametrize("max_usd", [0.059, 0.0, float("nan")])
def test_a_model_beyond_the_budget_is_not_asked(http: HttpDouble, fal: Fal, max_usd: float) -> None:
    with pytest.raises(LimitReached, match=r"pro-ultra costs up to 0\.060 USD"):
        draw(fal, max_usd=max_usd)
    assert http.requests == []


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param({"cut": "unanswered"}, id="no answer"),
        pytest.param({"body": detail("no_media_generated"), "status": 422}, id="failed after the work"),
        pytest.param(
            {"body": detail("generation_timeout"), "status": 422, "headers": {"X-Fal-Retryable": "true"}},
            id="failed after the work, said to be worth repeating",
        ),
        pytest.param({"body": picture(images=[])}, id="an answer without a picture"),
    ],
)
def test_a_possible_charge_counts_against_the_budget(http: HttpDouble, fal: Fal, failure: dict[str, Any]) -> None:
    http.answer(failure.pop("body", None), **failure)
    http.answer(picture(), times=2)
    # 0.06 may be gone: recraft no longer fits, schnell does.
    assert draw(fal, max_usd=0.07) == Picture(URL, "schnell", 0.063, "image/jpeg")
    assert asked(http) == [ULTRA, SCHNELL]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        pytest.param(401, {"detail": "Invalid key"}, KeyRefused, id="key refused"),
        pytest.param(403, {"detail": "Forbidden"}, KeyRefused, id="forbidden"),
        pytest.param(402, {}, KeyRefused, id="payment"),
        pytest.param(403, {"detail": "User is locked. Reason: Exhausted balance."}, KeyRefused, id="locked with 403"),
        pytest.param(422, {"detail": "User is locked. Reason: Exhausted balance."}, KeyRefused, id="locked with 422"),
        pytest.param(422, detail("content_policy_violation"), ContentRefused, id="content policy"),
        pytest.param(422, {"detail": "NSFW content was detected"}, ContentRefused, id="content policy in words"),
    ],
)
def test_a_refusal_that_no_other_model_mends_is_final(
    http: HttpDouble, fal: Fal, status: int, body: Any, error: type[ServiceError]
) -> None:
    http.answer(body, status)
    with pytest.raises(error):
        draw(fal)
    assert len(http.requests) == 1


@pytest.mark.parametrize("body", [{"detail": "Too many concurrent requests"}, b"slow down", {}])
def test_a_rate_limit_of_any_shape_is_left_to_the_queue(http: HttpDouble, fal: Fal, body: Any) -> None:
    http.answer(body, 429, times=3)
    with pytest.raises(RateLimited):
        draw(fal)
    assert asked(http) == [ULTRA] * 3


@pytest.mark.parametrize(
    ("status", "retryable", "attempts"),
    [
        pytest.param(500, None, 3, id="never billed, so repeated"),
        pytest.param(500, "false", 1, id="said to be permanent"),
        pytest.param(422, "true", 3, id="said to pass"),
        pytest.param(422, "false", 1, id="a plain refusal"),
        pytest.param(409, None, 3, id="conflict"),
        pytest.param(401, "true", 1, id="a key is never retried"),
    ],
)
def test_fals_own_word_on_repeating_is_heeded(
    http: HttpDouble, fal: Fal, status: int, retryable: str | None, attempts: int
) -> None:
    http.answer({"detail": "x"}, status, headers={"X-Fal-Retryable": retryable} if retryable else {}, times=3)
    with pytest.raises(ServiceError):
        draw(fal, "schnell")
    assert asked(http).count(SCHNELL) == attempts


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (detail("value_error", "too odd"), r"422 when asked to make a picture by schnell: too odd \(value_error\)"),
        ({"detail": "too slow", "error_type": "bad_request"}, r"too slow \(bad_request\)"),
        ({"detail": "plain words"}, "plain words"),
        ({"detail": [{"type": "missing"}]}, r"refused \(missing\)"),
        ({"detail": None}, "picture by schnell.$"),
        (["?"], "picture by schnell.$"),
    ],
)  # fmt: skip
def test_an_error_of_any_shape_becomes_a_sentence(http: HttpDouble, fal: Fal, body: Any, words: str) -> None:
    http.answer(body, 422)
    with pytest.raises(RequestRefused, match=words) as caught:
        draw(fal, "schnell")
    assert "private prompt" not in str(caught.value)


def test_the_request_id_is_logged_at_debug_and_the_prompt_nowhere(
    http: HttpDouble, fal: Fal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="ceos")
    http.answer(detail("value_error"), 422, headers={"x-fal-request-id": "r-1"})
    http.answer(picture(), headers={"x-fal-request-id": "r-2"})
    draw(fal)
    ids = [(record.levelname, vars(record).get("fal_request_id")) for record in caplog.records]
    assert [item for item in ids if item[1]] == [("DEBUG", "r-1"), ("DEBUG", "r-2")]
    assert "lighthouse" not in str([vars(record) for record in caplog.records])
    assert [vars(record)["event"] for record in caplog.records if record.levelname == "WARNING"] == ["fal.model_failed"]


# Files


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\4\0\0\0\3\0\10\2\0\0\0"
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isommp41"


@pytest.mark.parametrize(
    ("kind", "declared", "body", "served", "found"),
    [
        pytest.param("picture", "image/png", PNG, "image/png", "image/png", id="a picture"),
        pytest.param("picture", "", PNG, "application/octet-stream", "image/png", id="only its bytes tell"),
        pytest.param("picture", "image/jpeg", PNG, "image/jpeg", "image/png", id="another kind of picture"),
        pytest.param("video", "video/mp4", MP4, "video/mp4", "video/mp4", id="a video"),
        pytest.param("picture", "text/html", PNG, "image/png", "'text/html'", id="declared as a page"),
        pytest.param("picture", "image/svg+xml", b"<svg/>", "image/svg+xml", "neither", id="a vector drawing"),
        pytest.param("picture", "image/png", b"", "image/png", "empty", id="an empty file"),
        pytest.param("picture", "image/png", b"<html>gone</html>", "image/png", "neither", id="a page in its place"),
        pytest.param("picture", "image/png", PNG, "text/html", "served as 'text/html'", id="served as a page"),
        pytest.param("picture", "image/png", MP4, "image/png", "video/mp4", id="a video for a picture"),
        pytest.param("video", "video/mp4", PNG, "video/mp4", "image/png", id="a picture for a video"),
        pytest.param("video", "video/webm", MP4, "video/webm", "'video/webm'", id="another kind of video"),
        pytest.param("video", "", b"\0\0\0\x14ftypqt  \0\0\2\0", "", "video/quicktime", id="QuickTime"),
    ],
)
def test_a_file_is_taken_only_when_its_types_and_its_bytes_agree(  # noqa: PLR0917  # pytest passes them by name
    http: HttpDouble, kind: MediaKind, declared: str, body: bytes, served: str, found: str
) -> None:
    http.answer(body, headers={"Content-Type": served}, times=2)
    files = ResultFiles([http.url + "/run"])
    if found.startswith(("image/", "video/mp4")) and kind[:5] == found[:5].replace("image", "pictu"):
        assert files.check(f"{http.url}/f.bin", declared, kind) == found
        assert http.requests[0].headers["range"] == "bytes=0-4095"
        assert "authorization" not in http.requests[0].headers
    else:
        with pytest.raises(Wasted, match=found):
            files.check(f"{http.url}/f.bin", declared, kind)


def test_a_file_that_is_gone_is_refused(http: HttpDouble) -> None:
    http.answer({"detail": "File not found"}, 404, times=2)
    with pytest.raises(Wasted, match="the answer was 404"):
        ResultFiles([http.url]).check(f"{http.url}/f.png", "image/png", "picture")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a.png", "http://localhost/a.png", "https://10.0.0.1/a.png"])
def test_a_file_of_a_private_address_is_never_read(url: str) -> None:
    with pytest.raises(Wasted, match="could not be read"):
        ResultFiles(["https://fal.run"]).check(url, "image/png", "picture")


def test_a_picture_that_is_no_picture_is_replaced_by_another_model(http: HttpDouble) -> None:
    fal = Fal("fal-test-key", http.url, http.url + "/queue", sleep=lambda seconds: None)
    image = {"url": f"{http.url}/a.png", "width": 1024, "height": 768, "content_type": "image/png"}
    for body in (picture(images=[image]), b"", picture(images=[image]), PNG):
        http.answer(body, headers={"Content-Type": "image/png"} if isinstance(body, bytes) else None)
    assert draw(fal, "schnell", max_usd=0.009) == Picture(image["url"], "schnell-2", 0.006, "image/png")
    assert asked(http) == [SCHNELL, "/a.png", SCHNELL_2, "/a.png"]


def test_without_a_key_the_variable_is_named(http: HttpDouble) -> None:
    with pytest.raises(KeyRefused, match="FAL_KEY"):
        draw(Fal(None, http.url, http.url))


# Video


@pytest.fixture
def job(http: HttpDouble) -> VideoJob:
    # As fal.ai does it, the addresses drop the end of the model's path.
    base = f"{http.url}/queue/fal-ai/wan/requests/r-1"
    return VideoJob(request_id="r-1", status_url=f"{base}/status", response_url=base, cancel_url=f"{base}/cancel")


def submitted(job: VideoJob, **overrides: Any) -> dict[str, Any]:
    urls = {"status_url": job.status_url, "response_url": job.response_url, "cancel_url": job.cancel_url}
    return {"request_id": job.request_id, **urls, "status": "IN_QUEUE", "queue_position": 0} | overrides


VIDEO = {"video": {"url": "https://v3.fal.media/files/a.mp4", "content_type": "video/mp4"}, "seed": 1}


@pytest.mark.parametrize("unfinished", [200, 202])
def test_a_video_is_submitted_polled_and_fetched_at_the_addresses_given(
    http: HttpDouble, fal: Fal, job: VideoJob, unfinished: int
) -> None:
    # Given a queue that needs two polls
    http.answer(submitted(job))
    http.answer({"status": "IN_QUEUE", "queue_position": 1}, unfinished)
    http.answer({"status": "IN_PROGRESS", "logs": None}, unfinished)
    http.answer({"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 3.0}})
    http.answer(VIDEO)
    # When a video is submitted and asked for
    taken = fal.submit_video("waves", model="wan", style="anime", aspect="portrait", seed=3)
    found = [fal.poll_video(taken) for _ in range(3)]
    # Then it was asked for where the queue said
    assert taken == job
    assert found == [None, None, Video(url="https://v3.fal.media/files/a.mp4", content_type="video/mp4")]
    requests = "/queue/fal-ai/wan/requests/r-1"
    submit = "/queue/fal-ai/wan/v2.2-5b/text-to-video/fast-wan"
    assert asked(http) == [submit, *[f"{requests}/status"] * 3, requests]
    assert http.requests[0].body == {
        "prompt": f"waves\n\nStyle: {STYLES['anime'].words}.",
        "aspect_ratio": "9:16",
        "resolution": "720p",
        "num_frames": 121,
        "frames_per_second": 24,
        "seed": 3,
        "enable_safety_checker": True,
        "enable_output_safety_checker": True,
    }
    assert http.requests[0].query == {}
    assert {request.headers["authorization"] for request in http.requests} == {"Key fal-test-key"}


def test_seedance_gets_its_own_parameters_and_the_address_of_the_webhook(
    http: HttpDouble, fal: Fal, job: VideoJob
) -> None:
    http.answer(submitted(job))
    webhook = "https://a.example/webhooks/fal?run=ada%3A1&key=k"
    fal.submit_video("waves", model="seedance", style="anime", webhook=webhook)
    assert asked(http) == ["/queue/fal-ai/bytedance/seedance/v1/lite/text-to-video"]
    assert http.requests[0].query == {"fal_webhook": [webhook]}
    assert http.requests[0].body["duration"] == "5"
    assert "num_frames" not in http.requests[0].body


def test_a_request_id_alone_leads_to_the_addresses_of_its_job(fal: Fal, job: VideoJob) -> None:
    assert fal.video_job("wan", "r-1") == job


@pytest.mark.parametrize(
    "answer",
    [(200, {"status": "CANCELLATION_REQUESTED"}), (202, b""), (400, {"status": "ALREADY_COMPLETED"}), (500, b"")],
)
def test_cancelling_never_fails(http: HttpDouble, fal: Fal, job: VideoJob, answer: tuple[int, Any]) -> None:
    status, body = answer
    http.answer(body, status)
    fal.cancel_video(job)
    assert [(request.method, request.path[-7:]) for request in http.requests] == [("PUT", "/cancel")]


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ({"error": "out of memory", "error_type": "internal_error"}, RequestRefused),
        ({"error": "Invalid status code: 422", "error_type": "content_policy_violation"}, ContentRefused),
    ],
)
def test_completed_can_mean_failed(
    http: HttpDouble, fal: Fal, job: VideoJob, state: dict[str, Any], error: type[ServiceError]
) -> None:
    http.answer({"status": "COMPLETED", **state})
    with pytest.raises(error, match=state["error"]):
        fal.poll_video(job)
    assert len(http.requests) == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(detail("content_policy_violation"), ContentRefused, id="refused content"),
        pytest.param({**VIDEO, "has_nsfw_concepts": [True]}, ContentRefused, id="flagged"),
        pytest.param({"video": None}, RequestRefused, id="no video"),
        pytest.param([], RequestRefused, id="not an object"),
        pytest.param({"video": {"url": "https://a.example/" + "x" * 300}}, RequestRefused, id="address too long"),
    ],
)
def test_a_result_that_cannot_be_used_is_refused(
    http: HttpDouble, fal: Fal, job: VideoJob, body: Any, error: type[ServiceError]
) -> None:
    http.answer({"status": "COMPLETED"})
    http.answer(body, 422 if "detail" in body else 200)
    with pytest.raises(error):
        fal.poll_video(job)


def test_a_queue_that_cannot_be_asked_leaves_the_job_alone(http: HttpDouble, fal: Fal, job: VideoJob) -> None:
    http.answer({}, 503, times=3)
    with pytest.raises(ServiceUnavailable):
        fal.poll_video(job)
    assert {request.method for request in http.requests} == {"GET"}


FOREIGN = [
    pytest.param("https://evil.example/requests/r-1", id="another host"),
    pytest.param("http://127.0.0.1:1/requests/r-1", id="another port"),
    pytest.param("{https}/requests/r-1", id="another scheme"),
    pytest.param("{http}@evil.example/requests/r-1", id="the host as a user name"),
    pytest.param("http://user@{host}/requests/r-1", id="a user name"),
    pytest.param("{http}\\@evil.example/requests/r-1", id="a backslash"),
    pytest.param("{http}.evil.example/requests/r-1", id="the host as a prefix"),
    pytest.param(" {http}/requests/r-1", id="a blank"),
    pytest.param("{http}/requests\n/r-1", id="a line break"),
    pytest.param("//{host}/requests/r-1", id="no scheme"),
    pytest.param("/requests/r-1", id="no host"),
    pytest.param("http://[::1/requests/r-1", id="no address at all"),
]


@pytest.mark.parametrize("field", ["status_url", "response_url", "cancel_url"])
@pytest.mark.parametrize("address", FOREIGN)
def test_the_key_is_sent_to_the_queue_only(http: HttpDouble, fal: Fal, job: VideoJob, address: str, field: str) -> None:
    host = http.url.removeprefix("http://")
    foreign = address.format(http=http.url, https=f"https://{host}", host=host)
    with pytest.raises(RequestRefused, match="outside"):
        fal.poll_video(job.model_copy(update={field: foreign}))
    assert http.requests == []
    # A job that was paid for is not lost: its addresses follow from its id.
    http.answer(submitted(job, **{field: foreign}))
    assert fal.submit_video("waves", model="wan", style="anime") == job


def test_a_submit_that_names_the_job_alone_is_enough(http: HttpDouble, fal: Fal, job: VideoJob) -> None:
    http.answer({"request_id": "r-1", "status": "IN_QUEUE"})
    assert fal.submit_video("waves", model="wan", style="anime") == job


@pytest.mark.parametrize("answer", [{}, [], {"request_id": None}, {"request_id": "../a"}, {"request_id": "x" * 101}])
def test_a_submit_that_names_no_job_is_an_unknown_outcome(http: HttpDouble, fal: Fal, answer: Any) -> None:
    http.answer(answer)
    with pytest.raises(OutcomeUnknown):
        fal.submit_video("waves", model="wan", style="anime")


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param({"cut": "unanswered"}, id="no answer"),
        pytest.param({"body": {"detail": "boom"}, "status": 500}, id="server error"),
        pytest.param({"body": {"detail": "x"}, "status": 503, "headers": {"X-Fal-Retryable": "true"}}, id="retryable"),
        pytest.param({"body": b"<html>", "status": 504}, id="load balancer"),
        pytest.param({"body": b"<html>"}, id="not JSON"),
    ],
)
def test_a_submit_of_unknown_outcome_is_not_repeated(http: HttpDouble, fal: Fal, failure: dict[str, Any]) -> None:
    http.answer(failure.pop("body", None), **failure)
    with pytest.raises(OutcomeUnknown):
        fal.submit_video("waves", model="wan", style="anime")
    assert len(http.requests) == 1
