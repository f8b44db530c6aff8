# tries: making everything readable executable, then asking for readable memory only
# layer: kernel
import ctypes
import mmap


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    before = libc.personality(0x0400000)
    if before == -1:
        return f"held: errno {ctypes.get_errno()}"
    return f"ESCAPED: personality was {before}, {len(mmap.mmap(-1, 4096, prot=mmap.PROT_READ))}"
