# tries: a loop without end
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    while True:
        pass
