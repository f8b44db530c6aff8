# tries: memory that can be written and executed, for machine code of its own
# layer: kernel
import mmap


def run(ctx, params):
    try:
        area = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    except OSError as error:
        return f"held: {error}"
    return f"ESCAPED: {len(area)} bytes that can be executed"
