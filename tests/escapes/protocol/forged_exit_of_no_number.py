# tries: the zygote's words with a code that is no number
# layer: host
import os
import struct


def run(ctx, params):
    body = b'{"t": "exit", "code": {"a": [1]}}'
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
