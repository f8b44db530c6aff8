# tries: names whose wide letters the parser turns into the plain ones after a filter looked at them
# layer: language
def run(ctx, params):
    generator = (one for one in [1])
    return f"ESCAPED: {generator.ｇｉ_frame.f_globals}"
