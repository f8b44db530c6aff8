# tries: asking the host for what was not granted by the child's own function
# layer: host
# grants: memory
import sys


def run(ctx, params):
    return f"ESCAPED: {sys.modules['ceos.sandbox.child']._ask_host('llm_generate', ['x'], {})}"
