def averager():
    total, count = 0.0, 0
    average = None
    while True:
        value = yield average
        if value is None:
            return average
        total += value
        count += 1
        average = total / count


def run(ctx, params):
    gen = averager()
    next(gen)
    averages = [gen.send(value) for value in params["values"]]
    try:
        gen.send(None)
    except StopIteration as stop:
        averages.append(stop.value)
    gen.close()
    return averages

# params: {"values": [10, 20, 60]}
# returns: [10.0, 15.0, 30.0, 30.0]
