# tries: giving itself capabilities
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 126, "aarch64": 91}[params["machine"]]
    result = libc.syscall(number, b"\x22\x05\x08\x20\0\0\0\0", b"\xff" * 24)
    error = ctypes.get_errno()
    # EPERM and ENOSYS mean that nobody looked at the arguments.
    if result == -1 and error in (1, 38):
        return f"held: errno {error}"
    return f"ESCAPED: the kernel answered {result}, errno {error}"
