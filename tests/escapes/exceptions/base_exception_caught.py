# tries: catching everything, to go on after the sandbox has asked to stop
# layer: language
# plain: in plain Python nothing has asked to stop
def run(ctx, params):
    for _ in range(3):
        try:
            raise SystemExit("held")
        except BaseException as error:
            kept = error
    return f"held: {kept}"
