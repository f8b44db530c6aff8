# tries: asking the pipe who is at its other end
# layer: kernel
import socket


def run(ctx, params):
    pipe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=0)
    try:
        return f"ESCAPED: {pipe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)}"
    except OSError as error:
        return f"held: {error}"
    finally:
        pipe.detach()
