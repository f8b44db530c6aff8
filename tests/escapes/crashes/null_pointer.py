# tries: crashing the child in C; the trusted side must not notice more than that
# layer: kernel
import ctypes


def run(ctx, params):
    return f"ESCAPED: {ctypes.string_at(8, 1)}"
