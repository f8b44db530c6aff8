# tries: sending to an address by the pipe, without connecting
# layer: kernel
import ctypes
import struct


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    address = struct.pack("=H108s", 1, b"\0" + params["abstract"].encode())
    if libc.sendto(0, b"ESCAPED", 7, 0x40, address, 3 + len(params["abstract"])) >= 0:
        return "ESCAPED: sent"
    return f"held: errno {ctypes.get_errno()}"
