# tries: passing a descriptor to the trusted side beside a message
# layer: kernel
import socket


def run(ctx, params):
    pipe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=0)
    try:
        socket.send_fds(pipe, [b"\0"], [0])
    except OSError as error:
        return f"held: {error}"
    finally:
        # Else the object closes the descriptor that the answer goes out by.
        pipe.detach()
    return "ESCAPED: a descriptor was passed"
