# tries: a packet to a port of the trusted side
# layer: kernel
import socket


def run(ctx, params):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            return f"ESCAPED: {sender.sendto(b'ESCAPED', ('127.0.0.1', params['udp']))} bytes"
    except OSError as error:
        return f"held: {error}"
