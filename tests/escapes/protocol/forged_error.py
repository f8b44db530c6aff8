# tries: an error with a traceback into the trusted side's own files
# layer: host
import json
import os
import struct


def run(ctx, params):
    trace = [[10**9, "x"], [-5, "\u001b[2J"], ["1", 2], 3, [1, 2, 3], [0, "/etc/passwd"]]
    frame = {"t": "error", "type": ["x"], "message": {"y": 1}, "trace": trace, "out": "no list"}
    body = json.dumps(frame).encode()
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
