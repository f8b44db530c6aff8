# tries: resolving a name by the C library
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.gethostbyname.restype = ctypes.c_void_p
    if libc.gethostbyname(b"localhost"):
        return "ESCAPED: resolved"
    return f"held: errno {ctypes.get_errno()}"
