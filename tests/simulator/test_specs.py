"""The simulator's answers against the vendors' own schemas.

Where the vendors' files lag behind what the services do, the services win; each such place is named in this module:
`nullable` beside `allOf`, 409 of publishing, the newer availability error, and the wrapping of stream events.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from openapi_schema_validator import OAS30ReadValidator, OAS31Validator

from ceos.simulator import create_app, running
from ceos.simulator.server import Running

SPECS = Path(__file__).parents[1] / "specs"
AGENT, FAN = "00000000-0000-4000-8000-000000000042", "00000000-0000-4000-8000-000000000007"


@cache
def spec(name: str) -> dict[str, Any]:
    """One of the vendors' files."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load((SPECS / f"{name}.yaml").read_text(encoding="utf-8"), Loader=loader)
    loaded: dict[str, Any] = _with_nulls(document) if name == "neynar" else document
    return loaded


def _with_nulls(node: Any) -> Any:
    """Let `nullable` beside `allOf` mean what Neynar means by it.

    OpenAPI 3.0.3 gives `nullable` a meaning only beside `type`; read strictly, `channel: null` would be invalid, and
    it is what the service sends for every cast outside a channel.
    """
    if isinstance(node, list):
        return [_with_nulls(each) for each in node]
    if not isinstance(node, dict):
        return node
    changed = {key: _with_nulls(value) for key, value in node.items()}
    if changed.get("nullable") and "allOf" in changed:
        return {"anyOf": [{"allOf": changed["allOf"]}, {"enum": [None], "nullable": True}]}
    return changed


def check(name: str, schema: dict[str, Any], value: Any) -> None:
    """Fail with the deepest disagreement between a value and a schema of a file."""
    validator = OAS30ReadValidator if name == "neynar" else OAS31Validator
    whole = {"allOf": [schema], "components": spec(name)["components"]}
    problems = sorted(validator(whole).iter_errors(value), key=lambda problem: -len(problem.path))
    assert not problems, f"{'/'.join(map(str, problems[0].path))}: {problems[0].message[:500]}"


def check_answer(name: str, method: str, path: str, answer: requests.Response) -> None:
    """Check an answer against the schema its operation declares for its status."""
    responses = spec(name)["paths"][path][method]["responses"]
    assert str(answer.status_code) in responses, answer.text
    schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
    check(name, schema, answer.json())


@pytest.fixture(scope="module")
def sim() -> Iterator[Running]:
    """A small network: two casts, a quote, a reply, a mention, reactions and a follow."""
    with running(neynar={"neighbours": 6}) as simulator:
        yield _populated(simulator)


def _populated(sim: Running) -> Running:
    url = f"{sim.neynar_url}/farcaster"

    def send(path: str, **body: Any) -> dict[str, Any]:
        answer = requests.post(f"{url}/{path}/", headers={"x-api-key": "k"}, json=body, timeout=60).json()
        assert answer["success"], answer
        written: dict[str, Any] = answer
        return written

    name = neynar(sim, "user/bulk/", fids="42").json()["users"][0]["username"]
    root = send("cast", signer_uuid=AGENT, text="root of tea", channel_id="base")["cast"]["hash"]
    send("cast", signer_uuid=AGENT, text="plain", embeds=[{"url": "https://example.com/a.png"}])
    send("cast", signer_uuid=FAN, text="reply", parent=root, parent_author_fid=42)
    send("cast", signer_uuid=FAN, text=f"hi @{name}", embeds=[{"cast_id": {"fid": 42, "hash": root}}])
    for kind in ("like", "recast"):
        send("reaction", signer_uuid=FAN, reaction_type=kind, target=root, target_author_fid=42)
    send("user/follow", signer_uuid=FAN, target_fids=[42])
    return sim


def neynar(sim: Running, path: str, **params: Any) -> requests.Response:
    return requests.get(f"{sim.neynar_url}/farcaster/{path}", headers={"x-api-key": "k"}, params=params, timeout=60)


def root_hash(sim: Running) -> str:
    found: str = next(cast["hash"] for cast in sim.casts() if cast["text"] == "root of tea")
    return found


READS: list[tuple[str, dict[str, Any]]] = [
    ("cast/", {"identifier": "ROOT", "type": "hash"}),
    ("casts/", {"casts": "ROOT"}),
    ("cast/conversation/", {"identifier": "ROOT", "type": "hash", "include_chronological_parent_casts": "true"}),
    ("cast/search/", {"q": "tea"}),
    ("cast/quotes/", {"identifier": "ROOT", "type": "hash"}),
    ("feed/", {"feed_type": "filter", "filter_type": "fids", "fids": "42,7"}),
    ("feed/user/casts/", {"fid": 42}),
    ("feed/user/popular/", {"fid": 42}),
    ("feed/user/replies_and_recasts/", {"fid": 7}),
    ("feed/channels/", {"channel_ids": "base,dev"}),
    ("feed/following/", {"fid": 7}),
    ("feed/topic/", {"slug": "night_trains"}),
    ("topic/trending/", {}),
    ("channel/", {"id": "base"}),
    ("channel/trending/", {}),
    ("user/bulk/", {"fids": ",".join(map(str, range(1, 60)))}),
    ("user/by_username/", {"username": "NAME"}),
    ("user/search/", {"q": "NAME"}),
    ("reactions/cast/", {"hash": "ROOT", "types": "all"}),
    ("reactions/user/", {"fid": 7, "type": "all"}),
    ("followers/", {"fid": 42}),
    ("following/", {"fid": 7}),
    ("notifications/", {"fid": 42}),
    ("storage/usage/", {"fid": 42}),
    ("cast/conversation/summary/", {"identifier": "ROOT", "type": "hash"}),
    ("cast/metrics/", {"q": "tea", "interval": "180d"}),
    ("feed/parent_urls/", {"parent_urls": "https://farcaster.group/base"}),
    ("storage/allocations/", {"fid": 42}),
    ("channel/search/", {"q": "a", "limit": 2}),
    ("channel/bulk/", {"ids": "base,dev,no-such-channel-here"}),
    ("feed/", {"feed_type": "filter", "filter_type": "embed_url", "embed_url": "example.com"}),
    ("feed/", {"feed_type": "filter", "filter_type": "embed_types", "embed_types": "image"}),
    ("feed/user/replies_and_recasts/", {"fid": 7, "filter": "recasts"}),
    ("signer/", {"signer_uuid": AGENT}),
]


@pytest.mark.parametrize(("path", "params"), READS, ids=[path for path, _ in READS])
def test_reads_of_neynar_match_its_schema(sim: Running, path: str, params: dict[str, Any]) -> None:
    name = neynar(sim, "user/bulk/", fids="42").json()["users"][0]["username"]
    filled = {key: {"ROOT": root_hash(sim), "NAME": name}.get(value, value) for key, value in params.items()}
    answer = neynar(sim, path, **filled)
    assert answer.status_code == 200, answer.text
    check_answer("neynar", "get", f"/v2/farcaster/{path}", answer)


def test_recasts_are_told_apart_from_replies_and_feeds_are_filtered_by_embeds() -> None:
    with running() as sim:
        root = _posted(sim, "A root.")
        reply = _posted(sim, "An answer.", FAN, parent=root)
        picture = _posted(sim, "A picture.", embeds=[{"url": "https://example.com/a.png"}])
        _posted(sim, "A page.", embeds=[{"url": "https://example.org/a"}])
        body = {"signer_uuid": FAN, "reaction_type": "recast", "target": root}
        requests.post(f"{sim.neynar_url}/farcaster/reaction/", headers={"x-api-key": "k"}, json=body, timeout=60)

        def hashes(path: str, **params: Any) -> list[str]:
            return [cast["hash"] for cast in neynar(sim, path, **params).json()["casts"]]

        shared = "feed/user/replies_and_recasts/"
        assert hashes(shared, fid=7, filter="recasts") == [root]
        assert hashes(shared, fid=7, filter="replies") == [reply]
        assert hashes(shared, fid=7) == [root, reply]
        filtered = {"feed_type": "filter", "filter_type": "embed_url", "embed_url": "example.com"}
        assert hashes("feed/", **filtered) == [picture]
        assert hashes("feed/", feed_type="filter", filter_type="embed_types", embed_types="image") == [picture]
        user = neynar(sim, "user/bulk/", fids="42").json()["users"][0]
        found = neynar(sim, "user/bulk-by-address/", addresses=user["custody_address"])
        check_answer("neynar", "get", "/v2/farcaster/user/bulk-by-address/", found)
        assert [one["fid"] for one in found.json()[user["custody_address"]]] == [42]


def _posted(sim: Running, text: str, signer: str = AGENT, **fields: Any) -> str:
    body = {"signer_uuid": signer, "text": text, **fields}
    url = f"{sim.neynar_url}/farcaster/cast/"
    answer = requests.post(url, headers={"x-api-key": "k"}, json=body, timeout=60)
    found: str = answer.json()["cast"]["hash"]
    return found


@pytest.fixture(scope="module")
def crowd() -> Iterator[Running]:
    """The same network with an audience, a day later."""
    moment = [1_772_442_000.0]
    with running(clock=lambda: moment[0], neynar={"audience": 120, "bulk_order": "shuffled"}) as simulator:
        _populated(simulator)
        for i in range(12):
            body = {"signer_uuid": AGENT, "text": f"{i} steps to a better tea. Right?"}
            requests.post(f"{simulator.neynar_url}/farcaster/cast/", headers={"x-api-key": "k"}, json=body, timeout=60)
            moment[0] += 7200
        yield simulator


OF_A_CROWD = [
    *READS,
    *(
        ("cast/conversation/", {"identifier": "ROOT", "type": "hash", "sort_type": sort, "fold": "below", "limit": 1})
        for sort in ("chron", "desc_chron", "algorithmic")
    ),
    *(
        ("notifications/", {"fid": 42, "limit": 25, "type": kind})
        for kind in ("mentions", "replies", "quotes", "likes")
    ),
    ("user/bulk/", {"fids": ",".join(str(1_200_001 + i) for i in range(100))}),
    ("feed/topic/", {"slug": "marathon_training", "limit": 100}),
]


@pytest.mark.parametrize(("path", "params"), OF_A_CROWD, ids=[path for path, _ in OF_A_CROWD])
def test_reads_of_a_crowded_network_match_the_schema_too(crowd: Running, path: str, params: dict[str, Any]) -> None:
    test_reads_of_neynar_match_its_schema(crowd, path, params)


def test_what_a_webhook_tells_matches_the_schema() -> None:
    """The file has no schema of events; the vendor's pages call `data` a cast."""
    simulation = create_app(neynar={"webhook": {"url": "http://127.0.0.1:1/", "secret": "s"}}).simulation
    root = simulation.world.commit(42, "root")
    simulation.world.commit(7, "why?", parent_hash=root.hash, parent_fid=42, thread_hash=root.hash)
    (delivery,) = simulation.neynar.webhooks.collect()
    event = json.loads(delivery.body)
    assert delivery.headers["X-Neynar-Signature"] == hmac.new(b"s", delivery.body, hashlib.sha512).hexdigest()
    assert event["type"] == "cast.created"
    check("neynar", {"$ref": "#/components/schemas/Cast"}, event["data"])


WRITES: list[tuple[str, str, dict[str, Any]]] = [
    ("post", "cast/", {"text": "gm"}),
    ("post", "cast/", {"text": "x" * 2000}),
    ("post", "cast/", {"text": "hello", "parent": "nowhere"}),
    ("delete", "cast/", {"target_hash": "0x" + "0" * 40}),
    ("post", "reaction/", {"reaction_type": "like", "target": "ROOT"}),
    ("delete", "reaction/", {"reaction_type": "recast", "target": "ROOT"}),
    ("post", "reaction/", {"reaction_type": "like", "target": "https://example.com/page"}),
    ("post", "user/follow/", {"target_fids": [3, 4]}),
    ("delete", "user/follow/", {"target_fids": [3]}),
    ("patch", "user/", {"bio": "New here."}),
    ("post", "notifications/seen/", {}),
    ("post", "signer/", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_writes_of_neynar_match_its_schema(sim: Running, method: str, path: str, body: dict[str, Any]) -> None:
    filled = {key: root_hash(sim) if value == "ROOT" else value for key, value in body.items()}
    url = f"{sim.neynar_url}/farcaster/{path}"
    answer = requests.request(method, url, headers={"x-api-key": "k"}, json={"signer_uuid": AGENT} | filled, timeout=60)
    check_answer("neynar", method, f"/v2/farcaster/{path}", answer)


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("user/by_username/", {"username": "nobody-at-all"}),
        ("channel/", {"id": "No!"}),
        ("signer/", {"signer_uuid": "x"}),
        ("cast/quotes/", {"identifier": "x", "type": "hash"}),
    ],
)
def test_refused_reads_of_neynar_match_its_schema(sim: Running, path: str, params: dict[str, Any]) -> None:
    check_answer("neynar", "get", f"/v2/farcaster/{path}", neynar(sim, path, **params))


def test_a_conflict_is_not_in_the_schema_of_neynar(sim: Running) -> None:
    """The file declares no 409 for publishing; clients of the vendor know it, so the simulator can send it."""
    assert "409" not in spec("neynar")["paths"]["/v2/farcaster/cast/"]["post"]["responses"]
    sim.faults(neynar={"idem": "conflict"})
    body = {"signer_uuid": AGENT, "text": "twice", "idem": "f" * 16}
    answers = [
        requests.post(f"{sim.neynar_url}/farcaster/cast/", headers={"x-api-key": "k"}, json=body, timeout=60)
        for _ in range(2)
    ]
    sim.faults(neynar={"idem": "honour"})
    assert answers[1].status_code == 409
    check("neynar", {"$ref": "#/components/schemas/ErrorRes"}, answers[1].json())


def chat(sim: Running, **fields: Any) -> requests.Response:
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "about tea"}]} | fields
    headers = {"authorization": "Bearer k"}
    return requests.post(f"{sim.openrouter_url}/chat/completions", headers=headers, json=body, timeout=60)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (None, 200),
        ("choice_error", 200),
        ("null_content", 200),
        ("no_choices", 200),
        ("blank_text", 200),
        ("refusal_field", 200),
        ("reasoning_only", 200),
        ("finish_length", 200),
        ("no_cost", 200),
        ("error_402", 402),
        ("error_403_moderation", 403),
        ("error_403_provider", 403),
        ("error_403_key", 403),
        ("rate_limited", 429),
        ("error_500", 500),
        ("error_503", 503),
        ("error_529", 529),
    ],
)
def test_completions_match_the_schema(sim: Running, fault: str | None, status: int) -> None:
    sim.faults(openrouter={"script": [fault] if fault else []})
    answer = chat(sim)
    assert answer.status_code == status
    check_answer("openrouter", "post", "/chat/completions", answer)


def test_the_call_of_a_function_matches_the_schema(sim: Running) -> None:
    answer = chat(sim, tools=[{"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}])
    assert answer.json()["choices"][0]["finish_reason"] == "tool_calls"
    check_answer("openrouter", "post", "/chat/completions", answer)


def test_every_event_of_a_stream_matches_the_schema(sim: Running) -> None:
    """The file wraps an event in a `data` key; on the wire, `data:` is the field name of the event."""
    chunk = {"$ref": "#/components/schemas/ChatStreamChunk"}
    lines = [line for line in chat(sim, stream=True).text.splitlines() if line]
    assert lines.pop() == "data: [DONE]"
    for line in lines:
        check("openrouter", chunk, json.loads(line.removeprefix("data: ")))
    tool = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}
    called = [line for line in chat(sim, stream=True, tools=[tool], tool_choice="required").text.splitlines() if line]
    assert called.pop() == "data: [DONE]"
    for line in called:
        check("openrouter", chunk, json.loads(line.removeprefix("data: ")))
    assert any('"name":"clock"' in line for line in called)
    assert '"finish_reason":"tool_calls"' in called[-2]
    sim.faults(openrouter={"script": ["refusal_field"]})
    assert '"refusal":' in chat(sim, stream=True).text
    sim.faults(openrouter={"script": ["mid_stream_error"]})
    last = [line for line in chat(sim, stream=True).text.splitlines() if line][-1]
    check("openrouter", chunk, json.loads(last.removeprefix("data: ")))


def test_the_availability_error_is_newer_than_the_schema(sim: Running) -> None:
    """The file demands `code` in every error; the newer object has `http_status` instead."""
    sim.faults(openrouter={"script": ["availability_error"]})
    answer = chat(sim)
    assert "code" in spec("openrouter")["components"]["schemas"]["ServiceUnavailableResponseErrorData"]["required"]
    assert answer.json()["error"].keys() == {"message", "error_type", "http_status", "availability"}


OPENROUTER_READS = [
    ("/models", "/models", {}),
    ("/models/user", "/models/user", {}),
    ("/models/count", "/models/count", {}),
    ("/model/{author}/{slug}", "/model/openai/gpt-4o-mini", {}),
    ("/models/{author}/{slug}/endpoints", "/models/openai/gpt-4o-mini/endpoints", {}),
    ("/key", "/key", {}),
    ("/credits", "/credits", {}),
    ("/generation", "/generation", {"id": "LATEST"}),
    ("/generation", "/generation", {"id": "gen-unknown"}),
    ("/model/{author}/{slug}", "/model/nobody/nothing", {}),
]


@pytest.mark.parametrize(("template", "path", "params"), OPENROUTER_READS)
def test_reads_of_openrouter_match_its_schema(sim: Running, template: str, path: str, params: dict[str, str]) -> None:
    filled = {key: chat(sim).json()["id"] if value == "LATEST" else value for key, value in params.items()}
    headers = {"authorization": "Bearer k"}
    answer = requests.get(sim.openrouter_url + path, headers=headers, params=filled, timeout=60)
    check_answer("openrouter", "get", template, answer)
