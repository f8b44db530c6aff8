# tries: a source over the cap
# layer: language
# plain: the cap is the language layer's
# expand: FILLER = "# filler\n" * 8000
FILLER
def run(ctx, params):
    return "ESCAPED: read past the cap"
