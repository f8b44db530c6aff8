# tries: what a UnicodeError carries
# layer: language
# plain: it carries only what the skill gave
def run(ctx, params):
    try:
        "\ud800".encode("utf-8")
    except UnicodeEncodeError as error:
        return f"held: {len(error.object)} {error.encoding}"
