# tries: writing a result of its own on the pipe and returning another; the first is only what it could have returned
# layer: host
import json
import os
import struct


def run(ctx, params):
    body = json.dumps({"t": "result", "v": "held: forged", "out": []}).encode()
    os.write(0, struct.pack(">I", len(body)) + body)
    return "held: returned"
