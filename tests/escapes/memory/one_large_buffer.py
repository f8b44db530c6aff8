# tries: bytes and bytearray of a gigabyte
# layer: both
def run(ctx, params):
    buffer = bytes(1 << 30)
    return f"ESCAPED: {len(buffer):,} bytes"
