# tries: a socket in the abstract namespace, which no file system hides
# layer: kernel
import socket


def run(ctx, params):
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect("\0" + params["abstract"])
            return "ESCAPED: connected"
    except OSError as error:
        return f"held: {error}"
