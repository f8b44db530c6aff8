# tries: CVE-2023-37271, the code object of a generator
# layer: language
def run(ctx, params):
    generator = (number for number in [1, 2])
    code = getattr(generator, "gi" + "_code")
    return f"ESCAPED: {code}"
