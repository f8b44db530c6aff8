# tries: bytes that are no frame
# layer: host
import os


def run(ctx, params):
    os.write(0, b"\0\0\0\x08\x80\x04\x95ESCA")
    return "ESCAPED: still connected"
