# tries: a socket in the file system
# layer: kernel
import socket


def run(ctx, params):
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(params["unix"])
            return "ESCAPED: connected"
    except OSError as error:
        return f"held: {error}"
