# tries: a log over its cap, with lines that are no texts
# layer: host
import json
import os
import struct


def run(ctx, params):
    frame = {"t": "result", "v": "held: forged", "out": [1, None, {}, "x" * 1_000_000]}
    body = json.dumps(frame).encode()
    data = memoryview(struct.pack(">I", len(body)) + body)
    while data:
        data = data[os.write(0, data) :]
    return "held: returned"
