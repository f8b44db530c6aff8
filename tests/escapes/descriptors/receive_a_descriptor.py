# tries: receiving a descriptor that was meant for the trusted side
# layer: kernel
import socket


def run(ctx, params):
    pipe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=0)
    try:
        return f"ESCAPED: {socket.recv_fds(pipe, 1, 4, socket.MSG_DONTWAIT)}"
    except OSError as error:
        return f"held: {error}"
    finally:
        pipe.detach()
