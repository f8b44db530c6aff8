# tries: a call whose keyword arguments carry the names of the host's own
# layer: host
# grants: memory
import json
import os
import struct


def run(ctx, params):
    names = {"deadline": 1e18, "self": 1, "method": "llm_generate", "agent": "another"}
    body = json.dumps({"t": "call", "m": "memory_get", "a": ["key"], "k": names}).encode()
    os.write(0, struct.pack(">I", len(body)) + body)
    length = struct.unpack(">I", os.read(0, 4))[0]
    return f"held: the host answered {os.read(0, length)}"
