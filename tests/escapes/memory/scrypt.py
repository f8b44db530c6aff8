# tries: the hash function whose purpose is to take memory
# layer: language
# plain: what matters is that the limits hold
import hashlib


def run(ctx, params):
    return f"ESCAPED: {hashlib.scrypt(b'x', salt=b'y', n=1 << 20, r=8, p=1, maxmem=1 << 31)[:4]}"
