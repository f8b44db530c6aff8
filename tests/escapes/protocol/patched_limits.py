# tries: lifting the caps inside the child and asking the host too often
# layer: host
# grants: memory
import sys


def run(ctx, params):
    child = sys.modules["ceos.sandbox.child"]
    child.wire.HOST_CALLS = 10**9
    for _ in range(101):
        child._ask_host("memory_get", ["key"], {})
    return "ESCAPED: more calls than the host allows"
