"""The simulator as its users meet it: over HTTP, with faults switched on and off."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ceos.clock import Clock
from ceos.simulator import create_app, running
from ceos.simulator.server import Running
from ceos.simulator.timeline import fast_clock

KEY = {"x-api-key": "test"}
BEARER = {"authorization": "Bearer test"}
FAL = {"authorization": "Key test"}
SCHNELL = "fal-ai/flux/schnell"


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[Running]:
    with running(seed=7) as simulator:
        yield simulator


@pytest.fixture
def sim(running_simulator: Running) -> Running:
    running_simulator.reset()
    return running_simulator


def signer_of(fid: int) -> str:
    return f"00000000-0000-4000-8000-{fid:012d}"


def publish(sim: Running, text: str = "gm", fid: int = 42, **fields: Any) -> requests.Response:
    body = {"signer_uuid": signer_of(fid), "text": text, **fields}
    return requests.post(f"{sim.neynar_url}/farcaster/cast/", headers=KEY, json=body, timeout=60)


def cast_hash(answer: requests.Response) -> str:
    assert answer.status_code == 200, answer.text
    value: str = answer.json()["cast"]["hash"]
    return value


def neynar(sim: Running, path: str, **params: Any) -> requests.Response:
    return requests.get(f"{sim.neynar_url}/farcaster/{path}", headers=KEY, params=params, timeout=60)


def chat(sim: Running, prompt: str = "Write one post about coffee.", **fields: Any) -> requests.Response:
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": prompt}], **fields}
    return requests.post(f"{sim.openrouter_url}/chat/completions", headers=BEARER, json=body, timeout=60)


def content(answer: requests.Response) -> str:
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["choices"][0]["message"]["content"]
    return text


def events(answer: requests.Response) -> list[str]:
    return [line.removeprefix("data: ") for line in answer.content.decode().split("\n") if line.startswith("data: ")]


def run_fal(sim: Running, endpoint: str = SCHNELL, **fields: Any) -> requests.Response:
    return requests.post(f"{sim.fal_run_url}/{endpoint}", headers=FAL, json={"prompt": "a cat"} | fields, timeout=60)


# Publishing


def test_a_published_cast_is_in_the_feed_and_in_the_list_of_commits(sim: Running) -> None:
    published = publish(sim, "gm world", channel_id="base", idem="a1b2c3d4e5f60718")

    (cast,) = neynar(sim, "feed/user/casts/", fid=42).json()["casts"]
    assert (cast["hash"], cast["text"], cast["author"]["fid"]) == (cast_hash(published), "gm world", 42)
    assert cast["channel"]["id"] == "base"
    (committed,) = sim.casts()
    assert (committed["hash"], committed["idem"]) == (cast["hash"], "a1b2c3d4e5f60718")


def test_a_path_without_its_slash_is_the_same_path(sim: Running) -> None:
    body = {"signer_uuid": signer_of(42), "text": "gm"}
    answer = requests.post(f"{sim.neynar_url}/farcaster/cast", headers=KEY, json=body, timeout=60)
    assert answer.status_code == 200


def test_replies_carry_parent_author_and_thread(sim: Running) -> None:
    root = cast_hash(publish(sim, "one"))
    middle = cast_hash(publish(sim, "two", parent=root, parent_author_fid=42))
    publish(sim, "three", parent=middle)

    first, second, third = sim.casts()
    assert first["replies"]["count"] == 1
    assert (second["parent_hash"], second["parent_author"]["fid"]) == (root, 42)
    assert third["thread_hash"] == root
    conversation = neynar(sim, "cast/conversation/", identifier=root, type="hash").json()["conversation"]["cast"]
    assert conversation["direct_replies"][0]["direct_replies"][0]["text"] == "three"


def test_a_conversation_has_its_beginning_an_order_and_pages(sim: Running) -> None:
    root = cast_hash(publish(sim, "root"))
    middle = cast_hash(publish(sim, "middle", fid=7, parent=root))
    answers = [cast_hash(publish(sim, f"answer {i}", fid=8, parent=middle)) for i in range(3)]

    def replies(cursor: str | None = None, **params: Any) -> tuple[list[str], str | None]:
        params |= {"cursor": cursor} if cursor else {}
        answer = neynar(sim, "cast/conversation/", identifier=middle, type="hash", **params).json()
        return [cast["text"] for cast in answer["conversation"]["cast"]["direct_replies"]], answer["next"]["cursor"]

    assert replies() == (["answer 0", "answer 1", "answer 2"], None)
    assert replies(sort_type="desc_chron")[0] == ["answer 2", "answer 1", "answer 0"]
    assert replies(reply_depth=0) == ([], None)
    page, cursor = replies(limit=2)
    assert page == ["answer 0", "answer 1"]
    assert replies(cursor, limit=2) == (["answer 2"], None)
    assert neynar(sim, "cast/conversation/", identifier=middle, type="hash", sort_type="best").status_code == 400
    above = {"identifier": answers[0], "type": "hash", "include_chronological_parent_casts": "true"}
    conversation = neynar(sim, "cast/conversation/", **above).json()["conversation"]
    assert [cast["text"] for cast in conversation["chronological_parent_casts"]] == ["root", "middle"]


def test_users_may_come_in_another_order_or_not_at_all(sim: Running) -> None:
    sim.faults(neynar={"bulk_order": "shuffled", "missing_fids": [3]})
    fids = [user["fid"] for user in neynar(sim, "user/bulk/", fids="1,2,3,4,5,6").json()["users"]]
    assert sorted(fids) == [1, 2, 4, 5, 6] != fids


@pytest.mark.parametrize(
    ("fields", "status", "why"),
    [
        ({"text": "é" * 512}, 200, "1024 bytes are a long cast"),
        ({"text": "é" * 513}, 400, "bytes count, not characters"),
        ({"text": ""}, 400, "a cast has a text or an embed"),
        ({"text": "", "embeds": [{"url": "https://example.com"}]}, 200, "an embed is enough"),
        ({"embeds": [{"url": "https://example.com"}] * 5}, 400, "four embeds by default"),
        ({"embeds": [{"url": "https://example.com/" + "x" * 256}]}, 400, "a URL has 256 bytes"),
        ({"embeds": [{"url": "https://example.com", "cast_id": {}}]}, 400, "one kind per embed"),
        ({"embeds": [{"link": "https://example.com"}]}, 400, "unknown kind of embed"),
        ({"text": 5}, 400, "text is text"),
        ({"text": "\ud800"}, 400, "half a character"),
        ({"parent": "0x" + "0" * 40}, 400, "an unknown parent without its author"),
        ({"parent": "0x" + "0" * 40, "parent_author_fid": 3}, 200, "an unknown parent with its author"),
        ({"parent": "nowhere"}, 400, "neither hash nor URL"),
        ({"channel_id": "No Such!"}, 400, "not a channel"),
        ({"signer_uuid": "me"}, 400, "not a uuid"),
        ({"signer_uuid": None}, 400, "no signer"),
    ],
)
def test_publishing_validates_like_the_network(sim: Running, fields: dict[str, Any], status: int, why: str) -> None:
    answer = publish(sim, **fields)
    assert answer.status_code == status, why
    assert len(sim.casts()) == (status == 200)
    if status == 400:
        assert answer.json()["message"]


def test_the_length_decides_the_type_of_a_cast(sim: Running) -> None:
    sim.faults(neynar={"pro_fids": [42]})
    for size in (320, 321, 1024, 1025):
        assert publish(sim, "x" * size).status_code == 200
    assert [cast["cast_type"] for cast in sim.casts()] == ["CAST", "LONG_CAST", "LONG_CAST", "TEN_K_CAST"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_has_the_configured_status(sim: Running, status: int) -> None:
    sim.faults(neynar={"keys": ["right"], "wrong_key_status": status})
    assert publish(sim).status_code == status


def test_strict_signers_have_to_be_registered_and_approved(sim: Running) -> None:
    sim.faults(neynar={"signers": "strict"})
    assert publish(sim).status_code == 404
    sim.signer(signer_of(42), 77, "pending_approval")
    assert publish(sim).status_code == 403
    sim.signer(signer_of(42), 77)
    assert publish(sim).json()["cast"]["author"]["fid"] == 77
    assert neynar(sim, "signer/", signer_uuid=signer_of(42)).json()["status"] == "approved"


def test_a_deleted_cast_vanishes_from_reads(sim: Running) -> None:
    target = cast_hash(publish(sim))
    body = {"signer_uuid": signer_of(42), "target_hash": target}
    stranger = body | {"signer_uuid": signer_of(43)}
    url = f"{sim.neynar_url}/farcaster/cast/"
    assert requests.delete(url, headers=KEY, json=stranger, timeout=60).status_code == 403
    assert requests.delete(url, headers=KEY, json=body, timeout=60).json() == {"success": True}
    assert neynar(sim, "cast/", identifier=target, type="hash").status_code == 404
    assert neynar(sim, "feed/user/casts/", fid=42).json()["casts"] == []
    assert sim.casts()[0]["deleted"]


# Idempotency and unknown outcomes


@pytest.mark.parametrize(("mode", "status", "commits"), [("honour", 200, 1), ("ignore", 200, 2), ("conflict", 409, 1)])
def test_a_repeated_idem_follows_the_mode(sim: Running, mode: str, status: int, commits: int) -> None:
    sim.faults(neynar={"idem": mode})
    first = publish(sim, idem="0123456789abcdef")
    second = publish(sim, idem="0123456789abcdef")
    assert second.status_code == status
    assert len(sim.casts()) == commits
    assert (second.json().get("cast") == first.json()["cast"]) == (mode == "honour")
    assert sim.stats().get("neynar.idem_replays", 0) == 2 - commits


@pytest.mark.parametrize(("fault", "commits"), [("cut_before", 0), ("cut_after", 1)])
def test_a_cut_connection_brings_no_answer_at_all(sim: Running, fault: str, commits: int) -> None:
    sim.faults(neynar={"script": [fault, "ok"]})
    with pytest.raises(requests.ConnectionError, match="closed connection without response"):
        publish(sim)
    assert len(sim.casts()) == commits
    assert publish(sim).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "commits"),
    [
        ("error_500_before", 500, 0),
        ("error_500_after", 500, 1),
        ("rate_limited", 429, 0),
        ("garbage_200", 200, 1),
        ("no_hash_200", 200, 1),
        ("stall_after", 200, 1),
        ("late_commit", 200, 1),
    ],
)
def test_publish_faults_commit_or_do_not(sim: Running, fault: str, status: int, commits: int) -> None:
    sim.faults(neynar={fault: 1, "stall_seconds": 0.01, "late_commit_seconds": 0.01})
    assert publish(sim).status_code == status
    assert len(sim.casts()) == commits
    assert sim.stats()[f"neynar.fault.{fault}"] == 1


def test_unreadable_answers_are_really_unreadable(sim: Running) -> None:
    sim.faults(neynar={"script": ["garbage_200", "no_hash_200"]})
    with pytest.raises(ValueError, match="Expecting value"):
        publish(sim).json()
    assert "hash" not in publish(sim).json()["cast"]


def test_a_late_commit_happens_although_the_client_has_gone(sim: Running) -> None:
    sim.faults(neynar={"late_commit": 1, "late_commit_seconds": 0.05, "late_commit_cut_seconds": 0})
    with pytest.raises(requests.ConnectionError):
        publish(sim)
    assert sim.casts() == []
    # A second late request is answered only when its own commit, and so the first one too, has happened.
    sim.faults(neynar={"late_commit_cut_seconds": None})
    publish(sim)
    assert len(sim.casts()) == 2


def test_a_lag_hides_casts_from_reads_but_not_from_replies(sim: Running) -> None:
    sim.faults(neynar={"lookup_lag_seconds": 1000})
    root = cast_hash(publish(sim))
    assert neynar(sim, "feed/user/casts/", fid=42).json()["casts"] == []
    assert publish(sim, "part two", parent=root).status_code == 200
    sim.faults(neynar={"lookup_lag_seconds": 0})
    assert len(neynar(sim, "feed/user/casts/", fid=42).json()["casts"]) == 2


@pytest.mark.parametrize(("retry_after", "header"), [(3, "3"), (None, None)])
def test_a_rate_limit_gives_advice_if_wanted(sim: Running, retry_after: int | None, header: str | None) -> None:
    sim.faults(neynar={"read_rate_limited": 1, "retry_after": retry_after})
    answer = neynar(sim, "user/bulk/", fids="1")
    assert (answer.status_code, answer.headers.get("retry-after")) == (429, header)


# Reading


def test_pages_of_a_feed_do_not_overlap_and_end_with_null(sim: Running) -> None:
    for i in range(5):
        publish(sim, f"post {i}")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = neynar(sim, "feed/user/casts/", fid=42, limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [cast["text"] for cast in page["casts"]]
        cursor = page["next"]["cursor"]
    assert seen == ["post 4", "post 3", "post 2", "post 1", "post 0"]


def test_replies_can_be_left_out_of_a_feed(sim: Running) -> None:
    root = cast_hash(publish(sim, "root"))
    publish(sim, "reply", parent=root)
    casts = neynar(sim, "feed/user/casts/", fid=42, include_replies="false").json()["casts"]
    assert [cast["text"] for cast in casts] == ["root"]


def test_notifications_ask_in_plural_and_answer_in_singular(sim: Running) -> None:
    name = neynar(sim, "user/bulk/", fids="42").json()["users"][0]["username"]
    root = cast_hash(publish(sim, "root"))
    publish(sim, f"hello @{name}!", fid=7)
    publish(sim, "nice", fid=8, parent=root)
    publish(sim, "look", fid=9, embeds=[{"cast_id": {"fid": 42, "hash": root}}])
    every = neynar(sim, "notifications/", fid=42).json()["notifications"]
    assert [entry["type"] for entry in every] == ["quote", "reply", "mention"]
    mentions = neynar(sim, "notifications/", fid=42, type=["mentions"]).json()["notifications"]
    (mention,) = mentions
    (mentioned,) = mention["cast"]["mentioned_profiles"]
    assert mentioned["fid"] == 42
    assert neynar(sim, "notifications/", fid=42, type="mention").status_code == 400


def test_likes_are_bundled_and_the_bundle_moves_up_as_it_grows(sim: Running) -> None:
    target = cast_hash(publish(sim))
    for fid in (7, 8):
        body = {"signer_uuid": signer_of(fid), "reaction_type": "like", "target": target}
        requests.post(f"{sim.neynar_url}/farcaster/reaction/", headers=KEY, json=body, timeout=60)
        (bundle,) = neynar(sim, "notifications/", fid=42).json()["notifications"]
        assert (bundle["type"], bundle["reactions"][0]["user"]["fid"]) == ("likes", fid)
    assert bundle["count"] == 2
    assert neynar(sim, "casts/", casts=target).json()["result"]["casts"][0]["reactions"]["likes_count"] == 2


def test_the_removed_trending_feed_is_gone_and_channels_count_in_strings(sim: Running) -> None:
    assert neynar(sim, "feed/trending/").status_code == 404
    channels = neynar(sim, "channel/trending/").json()["channels"]
    assert all(isinstance(channel["cast_count_1d"], str) for channel in channels)


def test_users_differ_in_what_they_have(sim: Running) -> None:
    users = neynar(sim, "user/bulk/", fids=",".join(map(str, range(1, 101)))).json()["users"]
    assert {"score" in user for user in users} == {True, False}
    assert {user["display_name"] is None for user in users} == {True, False}


def test_neighbours_make_the_network_look_alive() -> None:
    with running(neynar={"neighbours": 12, "neighbour_replies": 1, "crowd": 20}) as sim:
        publish(sim, "hello everybody")
        assert neynar(sim, "feed/channels/", channel_ids="base,dev").json()["casts"]
        (reply, *_) = neynar(sim, "notifications/", fid=42, type="replies").json()["notifications"]
        assert reply["cast"]["parent_author"]["fid"] == 42


# Control


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"neynar": {"cut_afterwards": 1}}, "no fault or option named 'cut_afterwards'"),
        ({"neynar": {"cut_after": 2}}, "a probability from 0 to 1"),
        ({"neynar": {"idem": "maybe"}}, "idem is one of honour, ignore, conflict"),
        ({"neynar": {"script": ["nothing"]}}, "script is a list of faults"),
        ({"fal": {"error_401": {"p": 1, "models": []}}}, "only faults of openrouter"),
        ({"twitter": {}}, "No service named 'twitter'"),
        ({"latency_seconds": "slow"}, "latency_seconds is a number"),
    ],
)
def test_unknown_faults_are_refused_with_a_sentence(sim: Running, config: dict[str, Any], sentence: str) -> None:
    before = sim.faults()
    with pytest.raises(ValueError, match=re.escape(sentence)):
        sim.faults(**config)
    assert sim.faults() == before
    with pytest.raises(ValueError, match=re.escape(sentence)):
        create_app(**config)


def test_the_timeline_continues_where_it_was_left(sim: Running) -> None:
    publish(sim, "first")
    url = f"{sim.url}/_sim/timeline"
    page = requests.get(url, timeout=60).json()
    assert [event["what"] for event in page["events"]] == ["cast.committed"]
    chat(sim)
    later = requests.get(url, params={"since": page["next"]}, timeout=60).json()
    assert [event["what"] for event in later["events"]] == ["completion"]


def test_latency_of_one_service_leaves_the_others_alone(sim: Running) -> None:
    sim.faults(latency_seconds=30, neynar={"latency_seconds": 0})
    assert publish(sim).status_code == 200
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{sim.openrouter_url}/models", timeout=0.05)


def test_the_same_seed_tells_the_same_story() -> None:
    def story(seed: int) -> list[tuple[str, str]]:
        with running(seed, neynar={"error_500_before": 0.5}) as sim:
            return [(content(chat(sim)), str(publish(sim).status_code)) for _ in range(6)]

    assert story(1) == story(1)
    assert story(1) != story(2)


def test_its_fast_clock_is_that_of_the_agents() -> None:
    origin = time.time() - 60
    clock = Clock(300, origin)
    before, found, after = clock.now().timestamp(), fast_clock(300, origin)(), clock.now().timestamp()
    # The agents' clock keeps microseconds.
    assert before - 1e-3 <= found <= after + 1e-3


def test_importing_the_simulator_does_not_import_a_server() -> None:
    code = "import sys, ceos.simulator; sys.exit('uvicorn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# OpenRouter


def test_usage_and_cost_follow_the_price_list(sim: Running) -> None:
    answer = chat(sim, model="anthropic/claude-sonnet-4").json()
    usage = answer["usage"]
    assert usage["cost"] == pytest.approx((usage["prompt_tokens"] * 3 + usage["completion_tokens"] * 15) / 1e6)
    generation = requests.get(
        f"{sim.openrouter_url}/generation", params={"id": answer["id"]}, headers=BEARER, timeout=5
    ).json()["data"]
    assert generation["total_cost"] == usage["cost"]
    key = requests.get(f"{sim.openrouter_url}/key", headers=BEARER, timeout=60).json()["data"]
    assert key["usage"] == pytest.approx(usage["cost"])


def test_a_thread_prompt_gets_its_parts(sim: Running) -> None:
    parts = content(chat(sim, "Write a thread of 4 posts about night trains, separated by ---SPLIT---")).split(
        "\n---SPLIT---\n"
    )
    assert len(parts) == 4
    assert all(len(part.encode()) <= 320 and "night trains" in part.lower() for part in parts)


def test_the_picture_line_comes_when_it_is_asked_for(sim: Running) -> None:
    caption, _, picture = content(
        chat(sim, "Write the caption of a picture about tea.\nIMAGE: what it shows")
    ).partition("\nIMAGE: ")
    assert caption
    assert picture


def test_json_mode_satisfies_the_schema(sim: Running) -> None:
    schema = {
        "type": "object",
        "properties": {
            "parts": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "mood": {"enum": ["calm", "loud"]},
            "ok": {"type": "boolean"},
            "picture": {"type": "object", "properties": {"prompt": {"type": ["string", "null"]}}},
        },
    }
    asked = {"type": "json_schema", "json_schema": {"name": "post", "strict": True, "schema": schema}}
    value = json.loads(content(chat(sim, response_format=asked)))
    assert len(value["parts"]) >= 2
    assert 0 <= value["score"] <= 1
    assert value["mood"] in {"calm", "loud"}
    assert value["ok"] is True
    assert isinstance(value["picture"]["prompt"], str)


def test_a_fault_of_one_model_leads_to_the_next_in_the_list(sim: Running) -> None:
    sim.faults(openrouter={"error_503": {"p": 1, "models": ["anthropic/claude-sonnet-4"]}})
    assert chat(sim, model="anthropic/claude-sonnet-4").status_code == 503
    answer = chat(sim, model="anthropic/claude-sonnet-4", models=["openai/gpt-4o-mini"]).json()
    assert answer["model"] == "openai/gpt-4o-mini"


@pytest.mark.parametrize(
    ("fault", "status", "error_type"),
    [
        ("error_402", 402, "payment_required"),
        ("rate_limited", 429, "rate_limit_exceeded"),
        ("error_500", 500, "server"),
        ("error_503", 503, "provider_unavailable"),
        ("error_529", 529, "provider_overloaded"),
    ],
)
def test_errors_carry_their_status_as_code(sim: Running, fault: str, status: int, error_type: str) -> None:
    sim.faults(openrouter={"script": [fault]})
    answer = chat(sim)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["metadata"]["error_type"]) == (status, status, error_type)


def test_the_newer_availability_error_has_no_code(sim: Running) -> None:
    sim.faults(openrouter={"script": ["availability_error", "error_403_moderation"]})
    error = chat(sim).json()["error"]
    assert "code" not in error
    assert (error["http_status"], error["availability"]["retryable"]) == (503, True)
    assert chat(sim).json()["error"]["metadata"]["reasons"]


def test_answers_with_status_200_can_be_wrong_in_many_ways(sim: Running) -> None:
    def spoiled(fault: str, **fields: Any) -> dict[str, Any]:
        sim.faults(openrouter={"script": [fault]})
        answer = chat(sim, **fields)
        assert answer.status_code == 200
        value: dict[str, Any] = answer.json()
        return value

    choice = spoiled("choice_error")["choices"][0]
    assert (choice["finish_reason"], choice["error"]["code"]) == ("error", 502)
    assert "choices" not in spoiled("top_level_error_200")
    assert spoiled("null_content")["choices"][0]["message"]["content"] is None
    assert spoiled("finish_length")["choices"][0]["finish_reason"] == "length"
    assert spoiled("content_filter")["choices"][0]["finish_reason"] == "content_filter"
    assert "cost" not in spoiled("no_cost")["usage"]
    assert spoiled("other_model")["model"] != "openai/gpt-4o-mini"
    assert spoiled("refusal")["choices"][0]["message"]["content"].startswith("As an AI")
    assert spoiled("preamble")["choices"][0]["message"]["content"].startswith("Sure!")
    as_json = {"response_format": {"type": "json_object"}}
    assert spoiled("fenced_json", **as_json)["choices"][0]["message"]["content"].startswith("```json")
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(spoiled("cut_json", **as_json)["choices"][0]["message"]["content"])


def test_a_stream_says_the_same_and_ends_with_usage(sim: Running) -> None:
    *chunks, usage, done = events(chat(sim, stream=True))
    deltas = [json.loads(chunk)["choices"][0]["delta"] for chunk in chunks]
    text = "".join(delta.get("content", "") for delta in deltas)
    sim.reset()
    assert text == content(chat(sim))
    assert done == "[DONE]"
    assert json.loads(usage)["choices"] == []
    assert json.loads(usage)["usage"]["cost"] > 0


@pytest.mark.parametrize(("fault", "code"), [("mid_stream_error", 502), ("mid_stream_error_string", "server_error")])
def test_a_stream_can_fail_in_the_middle(sim: Running, fault: str, code: object) -> None:
    sim.faults(openrouter={fault: 1})
    last = json.loads(events(chat(sim, stream=True))[-1])
    assert (last["error"]["code"], last["choices"][0]["finish_reason"]) == (code, "error")


def test_a_stream_can_stop_without_a_word(sim: Running) -> None:
    sim.faults(openrouter={"script": ["cut_stream", "stream_comments"]})
    cut = events(chat(sim, stream=True))
    assert "[DONE]" not in cut
    assert all(json.loads(chunk)["choices"][0]["finish_reason"] is None for chunk in cut)
    assert chat(sim, stream=True).text.startswith(": OPENROUTER PROCESSING")


def test_a_character_can_be_split_between_two_reads(sim: Running) -> None:
    sim.faults(openrouter={"split_utf8": 1})
    body = {"model": "m/m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    answer = requests.post(f"{sim.openrouter_url}/chat/completions", headers=BEARER, json=body, stream=True, timeout=60)
    pieces = list(answer.iter_content(chunk_size=None))

    def broken(piece: bytes) -> bool:
        try:
            piece.decode()
        except UnicodeDecodeError:
            return True
        return False

    assert any(broken(piece) for piece in pieces)
    assert "🌱" in b"".join(pieces).decode()


def test_unsupported_parameters_count_when_they_are_required(sim: Running) -> None:
    asked: dict[str, Any] = {"model": "anthropic/claude-sonnet-4", "response_format": {"type": "json_object"}}
    assert chat(sim, **asked).status_code == 200
    answer = chat(sim, **asked, provider={"require_parameters": True})
    assert answer.status_code == 404
    assert answer.json()["error"]["availability"]["code"] == "constraint_filtered"
    assert chat(sim, model="claude-sonnet-4-6").status_code == 400


# fal.ai


def test_a_generated_picture_can_be_fetched(sim: Running) -> None:
    answer = run_fal(sim, num_images=2, seed=5)
    first, second = answer.json()["images"]
    assert first["url"] != second["url"]
    assert requests.get(first["url"], timeout=60).content.startswith(b"\x89PNG")
    assert answer.headers["x-fal-request-id"]
    assert answer.json()["has_nsfw_concepts"] == [False, False]


def test_a_flagged_picture_is_black_and_an_expired_one_is_gone(sim: Running) -> None:
    sim.faults(fal={"script": ["nsfw_black", "expired_file", "nsfw_black"]})
    flagged = run_fal(sim).json()
    assert flagged["has_nsfw_concepts"] == [True]
    assert requests.get(flagged["images"][0]["url"], timeout=60).status_code == 200
    assert requests.get(run_fal(sim).json()["images"][0]["url"], timeout=60).status_code == 404
    recraft = run_fal(sim, "fal-ai/recraft/v3/text-to-image").json()
    assert recraft.keys() == {"images"}


def test_the_queue_is_followed_by_the_urls_of_the_submit_answer(sim: Running) -> None:
    video = "fal-ai/wan/v2.2-5b/text-to-video/fast-wan"
    submitted = requests.post(f"{sim.fal_queue_url}/{video}", headers=FAL, json={"prompt": "waves"}, timeout=60).json()
    assert submitted["status_url"].split("/fal-queue/")[1].startswith("fal-ai/wan/requests/")
    assert requests.get(submitted["response_url"], headers=FAL, timeout=60).status_code == 400
    states = [requests.get(submitted["status_url"], headers=FAL, timeout=60).json()["status"] for _ in range(3)]
    assert states == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    result = requests.get(submitted["response_url"], headers=FAL, timeout=60).json()
    assert requests.get(result["video"]["url"], timeout=60).headers["content-type"] == "video/mp4"


def test_the_status_of_the_queue_is_streamed_until_its_end(sim: Running) -> None:
    submitted = requests.post(f"{sim.fal_queue_url}/{SCHNELL}", headers=FAL, json={"prompt": "x"}, timeout=60).json()
    answer = requests.get(f"{submitted['status_url']}/stream", headers=FAL, timeout=60)
    assert answer.headers["content-type"] == "text/event-stream"
    told = [json.loads(line[6:])["status"] for line in answer.text.splitlines() if line]
    assert told[0] == "IN_QUEUE" and told[-1] == "COMPLETED"
    assert requests.get(submitted["response_url"], headers=FAL, timeout=60).status_code == 200


def test_completed_can_mean_failed_and_a_queued_request_can_be_cancelled(sim: Running) -> None:
    sim.faults(fal={"script": ["completed_with_error"], "polls_until_done": 0})
    submitted = requests.post(f"{sim.fal_queue_url}/{SCHNELL}", headers=FAL, json={"prompt": "x"}, timeout=60).json()
    status = requests.get(submitted["status_url"], headers=FAL, timeout=60).json()
    assert (status["status"], status["error_type"]) == ("COMPLETED", "runner_disconnected")
    assert requests.get(submitted["response_url"], headers=FAL, timeout=60).status_code == 503
    other = requests.post(f"{sim.fal_queue_url}/{SCHNELL}", headers=FAL, json={"prompt": "x"}, timeout=60).json()
    assert requests.put(other["cancel_url"], headers=FAL, timeout=60).status_code == 202
    assert requests.put(other["cancel_url"], headers=FAL, timeout=60).status_code == 400


def test_status_urls_may_be_on_another_host(sim: Running) -> None:
    sim.faults(fal={"result_on_other_host": 1})
    submitted = requests.post(f"{sim.fal_queue_url}/{SCHNELL}", headers=FAL, json={"prompt": "x"}, timeout=60).json()
    assert submitted["status_url"].startswith("http://localhost:")


@pytest.mark.parametrize(
    ("fault", "status", "shape"),
    [
        ("error_422_list", 422, list),
        ("error_422_text", 422, str),
        ("error_infra_503", 503, str),
        ("rate_limited", 429, str),
        ("error_401", 401, str),
    ],
)
def test_fal_errors_have_three_shapes(sim: Running, fault: str, status: int, shape: type) -> None:
    sim.faults(fal={"script": [fault]})
    answer = run_fal(sim)
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], shape)
    assert ("x-fal-error-type" in answer.headers) == (fault == "error_infra_503")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"prompt": None}, "missing"),
        ({"num_images": 5}, "less_than_equal"),
        ({"num_inference_steps": 0}, "greater_than_equal"),
        ({"image_size": "huge"}, "one_of"),
    ],
)
def test_fal_refuses_input_out_of_range(sim: Running, fields: dict[str, Any], kind: str) -> None:
    answer = run_fal(sim, **fields)
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, kind)
