# tries: listening on a port, to wait to be called
# layer: kernel
import socket


def run(ctx, params):
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            return f"ESCAPED: {listener.getsockname()}"
    except OSError as error:
        return f"held: {error}"
