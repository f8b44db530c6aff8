# A skill in one file, written against the documentation of version 0.1.
SKILL = {
    "name": "feed-title",
    "version": "0.1.0",
    "summary": "Tells the writer the first line of a page.",
    "stage": "context",
    "params": {
        "type": "object",
        "properties": {"url": {"type": "string", "format": "uri"}},
        "required": ["url"],
        "additionalProperties": False,
    },
    "grants": {"http": {"hosts_from": ["url"]}, "memory": {"max_bytes": 4096}, "now": True, "log": True},
    "examples": [
        {
            "summary": "A page that answers.",
            "params": {"url": "https://example.org/"},
            "now": "2026-03-02T09:00:00Z",
            "answers": {"http": {"https://example.org/": "Tides\nand more"}, "memory": {"seen": 1}},
            "expect": {"title": "Tides", "seen": 2, "year": 2026},
        },
        {
            "summary": "A page that does not answer.",
            "params": {"url": "https://example.org/"},
            "now": "2026-03-02T09:00:00Z",
            "answers": {"http": {}},
            "expect": None,
        },
    ],
}


def run(ctx, params):
    try:
        page = ctx.http_get(params["url"])
    except HostError as error:
        ctx.log(f"no page: {error}")
        return None
    seen = (ctx.memory_get("seen") or 0) + 1
    ctx.memory_set("seen", seen)
    return {"title": page["text"].splitlines()[0], "seen": seen, "year": ctx.now.year}
