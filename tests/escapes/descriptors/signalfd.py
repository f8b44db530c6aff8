# tries: reading signals in place of receiving them
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 289, "aarch64": 74}[params["machine"]]
    result = libc.syscall(number, -1, b"\xff" * 8, 8, 0)
    error = ctypes.get_errno()
    # EPERM and ENOSYS mean that nobody looked at the arguments.
    if result == -1 and error in (1, 38):
        return f"held: errno {error}"
    return f"ESCAPED: the kernel answered {result}, errno {error}"
