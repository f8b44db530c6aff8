# tries: finding itself still root
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None, use_errno=True)
    # Not even the question is allowed; a minus one is no answer.
    if libc.geteuid() == 0:
        return "ESCAPED: still root"
    return "held: not root"
