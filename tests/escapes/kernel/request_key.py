# tries: making the kernel start a helper for a key
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 249, "aarch64": 218}[params["machine"]]
    result = libc.syscall(number, b"user", b"x", None, -3)
    error = ctypes.get_errno()
    # EPERM and ENOSYS mean that nobody looked at the arguments.
    if result == -1 and error in (1, 38):
        return f"held: errno {error}"
    return f"ESCAPED: the kernel answered {result}, errno {error}"
