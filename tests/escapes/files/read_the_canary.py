# tries: reading a file of the trusted side by its path
# layer: kernel
def run(ctx, params):
    try:
        with open(params["file"], encoding="utf-8") as file:
            return f"ESCAPED: {file.read()}"
    except OSError as error:
        return f"held: {error}"
