# tries: the second table of system calls on x86_64, where the same calls have other numbers
# layer: kernel
import ctypes


def run(ctx, params):
    if params["machine"] != "x86_64":
        return "held: this machine has one table"
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(0x40000000 | 39)
    if result > 0:
        return f"ESCAPED: the other table answered {result}"
    return f"held: errno {ctypes.get_errno()}"
