# tries: make_dataclass takes a namespace with methods that no policy checked
# layer: language
from dataclasses import make_dataclass


def run(ctx, params):
    made = make_dataclass("Made", ["a"], namespace={"__getattr__": lambda self, name: name})
    return f"ESCAPED: {made(1).anything}"
