# tries: a JSON text nested deeper than its parser goes
# layer: language
# plain: the interpreter copes by itself
import json


def run(ctx, params):
    try:
        json.loads("[" * 200_000)
    except (RecursionError, ValueError) as error:
        return f"held: {type(error).__name__}"
