from collections import deque


def run(ctx, params):
    window = deque(maxlen=params["size"])
    averages = []
    for value in params["values"]:
        window.append(value)
        averages.append(sum(window) / len(window))
    window.rotate(1)
    window[0] = 99
    return [averages, list(window)]

# params: {"values": [1, 2, 3, 4, 5], "size": 3}
# returns: [[1.0, 1.5, 2.0, 3.0, 4.0], [99, 3, 4]]
