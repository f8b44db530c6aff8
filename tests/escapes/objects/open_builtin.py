# tries: the builtin open
# layer: both
def run(ctx, params):
    with open(params["file"], encoding="utf-8") as file:
        return f"ESCAPED: {file.read()}"
