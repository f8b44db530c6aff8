# tries: a queued signal that claims to come from the kernel
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 129, "aarch64": 138}[params["machine"]]
    if libc.syscall(number, libc.getppid(), 0, ctypes.create_string_buffer(128)) == 0:
        return "ESCAPED: a forged signal"
    return f"held: errno {ctypes.get_errno()}"
