# tries: making memory executable by the newer call with a protection key
# layer: kernel
import ctypes
import mmap


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 329, "aarch64": 288}[params["machine"]]
    area = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    if libc.syscall(number, ctypes.c_long(address), ctypes.c_long(4096), 5, -1) == 0:
        return "ESCAPED: the page can be executed"
    return f"held: errno {ctypes.get_errno()}"
