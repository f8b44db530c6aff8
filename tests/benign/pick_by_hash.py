import hashlib


def run(ctx, params):
    digest = hashlib.sha256(params["key"].encode()).hexdigest()
    index = int(digest[:8], 16) % len(params["choices"])
    return params["choices"][index], digest[:10]

# params: {"key": "agent-7", "choices": ["red", "green", "blue"]}
# returns: ["blue", "cfad431af8"]
