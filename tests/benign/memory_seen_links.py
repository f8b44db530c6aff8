def run(ctx, params):
    seen = set(ctx.memory_get("seen") or [])
    fresh = [link for link in params["links"] if link not in seen]
    seen.update(fresh)
    ctx.memory_set("seen", sorted(seen))
    return {"fresh": fresh, "known": len(seen)}

# params: {"links": ["https://a.org", "https://b.org", "https://c.org"]}
# grants: ["memory"]
# ctx: {"answers": {"memory": {"seen": ["https://b.org"]}}}
# returns: {"fresh": ["https://a.org", "https://c.org"], "known": 3}
