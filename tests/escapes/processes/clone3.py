# tries: the clone that no filter can look into
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 435, "aarch64": 435}[params["machine"]]
    result = libc.syscall(number, ctypes.create_string_buffer(88), 88)
    error = ctypes.get_errno()
    # EPERM and ENOSYS mean that nobody looked at the arguments.
    if result == -1 and error in (1, 38):
        return f"held: errno {error}"
    return f"ESCAPED: the kernel answered {result}, errno {error}"
