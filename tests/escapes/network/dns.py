# tries: resolving a name, to carry data out in it
# layer: kernel
import socket


def run(ctx, params):
    try:
        return f"ESCAPED: {socket.getaddrinfo('localhost', params['tcp'])}"
    except OSError as error:
        return f"held: {error}"
