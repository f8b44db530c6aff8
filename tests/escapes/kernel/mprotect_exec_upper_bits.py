# tries: the protection with bits set above those that a filter looks at
# layer: kernel
import ctypes
import mmap


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 10, "aarch64": 226}[params["machine"]]
    area = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    if libc.syscall(number, ctypes.c_long(address), ctypes.c_long(4096), ctypes.c_long(5 | 1 << 40)) == 0:
        return "ESCAPED: the page can be executed"
    return f"held: errno {ctypes.get_errno()}"
