# tries: importing a module under the name of the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
import json as _getattr_


def run(ctx, params):
    return f"ESCAPED: {'text'.anything}"
