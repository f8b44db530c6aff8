# tries: work at the top of the file, before run is called and its clock started
# layer: both
# limits: seconds=0.4
while True:
    pass


def run(ctx, params):
    return "ESCAPED: the top of the file has no end"
