# tries: the import statement with a name that is a package's private module
# layer: language
# plain: the names are found under no other rule in plain Python
import concurrent.futures
import os.path
import json.tool


def run(ctx, params):
    return f"ESCAPED: {os.path}"
