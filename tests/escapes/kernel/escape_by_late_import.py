# tries: importing a module from a file, to run code from outside
# layer: kernel
import sys


def run(ctx, params):
    sys.path.insert(0, params["file"].rpartition("/")[0])
    try:
        import xmlrpc.client

        return f"ESCAPED: {xmlrpc.client}"
    except ImportError as error:
        return f"held: {error}"
