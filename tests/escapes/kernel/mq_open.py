# tries: a message queue of POSIX, to talk to the next call
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 240, "aarch64": 180}[params["machine"]]
    result = libc.syscall(number, b"escaped", 0o102, 0o600, None)
    error = ctypes.get_errno()
    # EPERM and ENOSYS mean that nobody looked at the arguments.
    if result == -1 and error in (1, 38):
        return f"held: errno {error}"
    return f"ESCAPED: the kernel answered {result}, errno {error}"
