# tries: shutting one half of the pipe down, so that the trusted side waits or fails
# layer: kernel
import socket


def run(ctx, params):
    pipe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=0)
    try:
        pipe.shutdown(socket.SHUT_RD)
    except OSError as error:
        return f"held: {error}"
    finally:
        pipe.detach()
    return "ESCAPED: half of the pipe is shut"
