# tries: the addresses of this machine
# layer: kernel
import socket


def run(ctx, params):
    try:
        return f"ESCAPED: {socket.if_nameindex()} {socket.gethostname()}"
    except OSError as error:
        return f"held: {error}"
