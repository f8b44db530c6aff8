import json

RULES = ("no jargon", "no exclamation marks", "first person plural")


def run(ctx, params):
    text = "\n\n".join(ctx.draft)
    rules = "\n".join(f"- {rule}" for rule in RULES)
    answer = ctx.llm_generate(f"Judge this text.\n{rules}\n---\n{text}\n---\nAnswer as JSON with ok and reason.", max_tokens=100)
    try:
        verdict = json.loads(answer)
    except ValueError:
        return []
    return [] if verdict.get("ok") else [verdict.get("reason", "Off voice.")]

# grants: ["llm"]
# ctx: {"draft": ["We leverage synergy."], "answers": {"llm": "{\"ok\": false, \"reason\": \"Jargon: leverage, synergy.\"}"}}
# returns: ["Jargon: leverage, synergy."]
