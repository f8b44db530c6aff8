# tries: loading another library, whose code nobody has looked at
# layer: kernel
import ctypes


def run(ctx, params):
    held = []
    for name in ("libc.so.6", "libm.so.6", "/lib/x86_64-linux-gnu/libdl.so.2", params["file"]):
        try:
            found = ctypes.CDLL(name)
            # The C library itself is loaded already.
            if name != "libc.so.6" and name != "libm.so.6":
                return f"ESCAPED: {found}"
        except OSError as error:
            held.append(str(error)[:60])
    return f"held: {held}"
