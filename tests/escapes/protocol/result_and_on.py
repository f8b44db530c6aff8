# tries: answering and going on in the background
# layer: host
# limits: seconds=0.5
import json
import os
import struct


def run(ctx, params):
    body = json.dumps({"t": "result", "v": "held: answered", "out": []}).encode()
    os.write(0, struct.pack(">I", len(body)) + body)
    while True:
        pass
