# tries: going on in finally
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    try:
        raise ValueError("x")
    finally:
        while True:
            pass
