# tries: a packet over IPv6
# layer: kernel
import socket


def run(ctx, params):
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            return f"ESCAPED: {sender.sendto(b'ESCAPED', ('::1', params['udp']))} bytes"
    except OSError as error:
        return f"held: {error}"
