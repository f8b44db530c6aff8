# tries: a result between the halves of another frame
# layer: host
import json
import os
import struct


def run(ctx, params):
    inner = json.dumps({"t": "result", "v": "ESCAPED: found inside another frame"}).encode()
    inner = struct.pack(">I", len(inner)) + inner
    outer = struct.pack(">I", len(inner) + 10) + b"{" + inner + b"         "
    os.write(0, outer)
    return "ESCAPED: still connected"
