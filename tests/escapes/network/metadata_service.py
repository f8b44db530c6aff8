# tries: the address where clouds keep the keys of a machine
# layer: kernel
import socket


def run(ctx, params):
    try:
        with socket.create_connection(("169.254.169.254", 80), timeout=0.3) as connection:
            return f"ESCAPED: {connection.getpeername()}"
    except OSError as error:
        return f"held: {error}"
