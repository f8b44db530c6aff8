# tries: comprehensions inside comprehensions
# layer: both
# expand: OPEN = "[" * 90
# expand: CLOSE = " for x in (1, 2)]" * 90
# limits: seconds=0.4
def run(ctx, params):
    return len(OPEN1CLOSE)
