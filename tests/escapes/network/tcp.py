# tries: a connection to a port of the trusted side
# layer: kernel
import socket


def run(ctx, params):
    try:
        with socket.create_connection(("127.0.0.1", params["tcp"]), timeout=1) as connection:
            return f"ESCAPED: {connection.getpeername()}"
    except OSError as error:
        return f"held: {error}"
