# tries: logging without end, things that are no text
# layer: both
# grants: log
# limits: seconds=0.5
def run(ctx, params):
    for number in range(20_000):
        ctx.log({"number": number, "text": "x" * 1000})
    return "held: logged"
