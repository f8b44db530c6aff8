# tries: a hash function with a billion rounds, which lets go of the interpreter's lock
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import hashlib


def run(ctx, params):
    return f"ESCAPED: {hashlib.pbkdf2_hmac('sha256', b'x', b'y', 10**9)}"
