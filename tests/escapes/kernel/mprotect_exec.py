# tries: making written memory executable afterwards
# layer: kernel
import ctypes
import mmap


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    area = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 5) == 0:
        return "ESCAPED: the page can be executed"
    return f"held: errno {ctypes.get_errno()}"
