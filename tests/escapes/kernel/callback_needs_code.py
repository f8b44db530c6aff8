# tries: a callback of ctypes, which writes machine code
# layer: kernel
import ctypes


def run(ctx, params):
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    try:
        compare = kind(lambda first, second: 0)
    except (MemoryError, OSError) as error:
        return f"held: {type(error).__name__}"
    values = (ctypes.c_int * 2)(2, 1)
    ctypes.CDLL(None).qsort(values, 2, 4, compare)
    return "held: a callback prepared by the library itself"
