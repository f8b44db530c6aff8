# tries: CVE-2023-37271 with the attribute's name put together at run time
# layer: language
def run(ctx, params):
    generator = (number for number in [1, 2])
    frame = getattr(generator, "gi" + "_frame")
    return f"ESCAPED: {frame}"
