# tries: signals to other threads by their numbers
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 200, "aarch64": 130}[params["machine"]]
    for pid in range(1, 200):
        if pid != libc.getpid() and libc.syscall(number, pid, 0) == 0:
            return f"ESCAPED: process {pid} may be signalled"
    return f"held: errno {ctypes.get_errno()}"
