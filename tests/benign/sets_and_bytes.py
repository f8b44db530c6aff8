def run(ctx, params):
    a, b = set(params["a"]), set(params["b"])
    a |= {9}
    a.discard(1)
    data = "héllo".encode()
    return [sorted(a & b), sorted(a ^ b), a.isdisjoint(b), data.hex(), bytes.fromhex("6869").decode(), data[:1] + b"!" == b"h!", int.from_bytes(b"\x01\x00", "big")]

# params: {"a": [1, 2, 3], "b": [3, 4]}
# returns: [[3], [2, 4, 9], false, "68c3a96c6c6f", "hi", true, 256]
