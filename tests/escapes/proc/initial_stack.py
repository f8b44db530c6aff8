# tries: what the kernel put on the stack when the zygote was started: its command and its environment
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None)
    start = ctypes.c_void_p.in_dll(libc, "__libc_stack_end").value
    words = ctypes.cast(start, ctypes.POINTER(ctypes.c_void_p))
    index = 1
    while words[index]:
        index += 1
    index += 1
    found = []
    while words[index]:
        found.append(ctypes.string_at(words[index]).decode("utf-8", "replace"))
        index += 1
    if found:
        return f"ESCAPED: {found}"
    return "held: the zygote was started with an empty environment"
