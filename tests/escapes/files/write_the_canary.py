# tries: overwriting a file of the trusted side
# layer: kernel
def run(ctx, params):
    try:
        with open(params["file"], "a", encoding="utf-8") as file:
            file.write("ESCAPED")
    except OSError as error:
        return f"held: {error}"
    return "ESCAPED: written"
