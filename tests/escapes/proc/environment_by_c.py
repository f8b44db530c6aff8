# tries: the secrets in the environment, as the C library sees it
# layer: kernel
import ctypes


def run(ctx, params):
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    for name in (params["canary_name"], "OPENROUTER_API_KEY", "HOME", "PATH"):
        value = libc.getenv(name.encode())
        if value:
            return f"ESCAPED: {name}={value}"
    first = ctypes.c_void_p.in_dll(libc, "environ").value
    if first and ctypes.cast(first, ctypes.POINTER(ctypes.c_char_p))[0]:
        return "ESCAPED: the environment is not empty"
    return "held: no variable"
