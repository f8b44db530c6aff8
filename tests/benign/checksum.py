import hashlib


def short(address):
    return f"{address[:6]}…{address[-4:]}"


def run(ctx, params):
    body = params["address"].lower().removeprefix("0x")
    if len(body) != 40 or any(char not in "0123456789abcdef" for char in body):
        raise ValueError("not an address")
    return [short(params["address"]), hashlib.blake2b(body.encode(), digest_size=4).hexdigest(), hashlib.md5(b"x").hexdigest()[:6]]

# params: {"address": "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"}
# returns: ["0x5aae…eaed", "cb031d31", "9dd4e4"]
