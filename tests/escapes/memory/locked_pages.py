# tries: locking pages into memory
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 151, "aarch64": 230}[params["machine"]]
    if libc.syscall(number, 3) == 0:
        return "ESCAPED: everything is locked into memory"
    return f"held: errno {ctypes.get_errno()}"
