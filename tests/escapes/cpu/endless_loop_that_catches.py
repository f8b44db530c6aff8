# tries: a loop without end that catches everything
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
