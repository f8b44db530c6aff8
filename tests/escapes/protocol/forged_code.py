# tries: code in place of a result, for the trusted side to keep or to load
# layer: host
import json
import os
import struct


def run(ctx, params):
    body = json.dumps({"t": "code"}).encode()
    os.write(0, struct.pack(">I", len(body)) + body + struct.pack(">I", 4) + b"ESCA")
    return "held: returned"
