# tries: importlib in place of import
# layer: language
import importlib


def run(ctx, params):
    return f"ESCAPED: {importlib.import_module('os').getpid()}"
