# tries: re keeps enum and functools, which keep sys
# layer: language
import re


def run(ctx, params):
    return f"ESCAPED: {re.enum.sys.modules['os'].getpid()}"
