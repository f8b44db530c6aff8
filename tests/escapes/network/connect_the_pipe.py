# tries: connecting the one socket it has to somewhere else
# layer: kernel
import ctypes
import struct


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    address = struct.pack("=H108s", 1, b"\0" + params["abstract"].encode())
    if libc.connect(0, address, 3 + len(params["abstract"])) == 0:
        return "ESCAPED: connected"
    return f"held: errno {ctypes.get_errno()}"
