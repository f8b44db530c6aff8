# tries: violations of the policy with places and sentences that are none
# layer: host
import json
import os
import struct


def run(ctx, params):
    rows = [["x", {}, ["y"]], [1], "z", None, [1, 2, 3, 4], [10**18, -1, "\u001b[2J" * 1000]]
    body = json.dumps({"t": "rejected", "violations": rows * 100}).encode()
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
