# tries: a message queue of System V, to talk to the next call
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 68, "aarch64": 186}[params["machine"]]
    result = libc.syscall(number, 0x65736361, 0o1600)
    error = ctypes.get_errno()
    # EPERM and ENOSYS mean that nobody looked at the arguments.
    if result == -1 and error in (1, 38):
        return f"held: errno {error}"
    return f"ESCAPED: the kernel answered {result}, errno {error}"
