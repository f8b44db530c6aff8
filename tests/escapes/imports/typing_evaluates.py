# tries: typing evaluates texts as code
# layer: language
import typing


def run(ctx, params):
    def helper(value):
        return value

    helper.__annotations__ = {"value": "().__class__.__base__"}
    return f"ESCAPED: {typing.get_type_hints(helper)}"
