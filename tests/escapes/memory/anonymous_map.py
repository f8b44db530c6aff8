# tries: memory from the kernel directly, and touching it
# layer: kernel
import mmap


def run(ctx, params):
    try:
        area = mmap.mmap(-1, 1 << 30)
    except (OSError, ValueError) as error:
        return f"held: {error}"
    area[:: 1 << 12] = b"x" * ((1 << 30) >> 12)
    return f"ESCAPED: {len(area):,} bytes"
