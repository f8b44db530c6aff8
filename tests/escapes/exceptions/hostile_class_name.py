# tries: an error whose class has a name that forges the report
# layer: language
# plain: raising it is no evidence
def run(ctx, params):
    made = type("ESCAPED\n\x1b[2J" + "n" * 100_000, (Exception,), {})
    raise made("x")
