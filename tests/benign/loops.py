def run(ctx, params):
    found = None
    for candidate in range(2, params["n"]):
        if params["n"] % candidate == 0:
            found = candidate
            break
    else:
        found = "prime"
    total, n = 0, 0
    while True:
        n += 1
        if n % 2:
            continue
        if n > 8:
            break
        total += n
    for i, (a, b) in enumerate([(1, 2), (3, 4)]):
        total += i * (a + b)
    return [found, total]

# params: {"n": 10}
# returns: [2, 27]
