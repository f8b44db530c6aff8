def run(ctx, params):
    matrix = params["m"]
    transposed = [list(row) for row in zip(*matrix)]
    product = [[sum(a * b for a, b in zip(row, column)) for column in matrix] for row in matrix]
    flat = [value for row in matrix for value in row]
    return {"t": transposed, "p": product, "flat": flat}

# params: {"m": [[1, 2, 3], [4, 5, 6]]}
# returns: {"t": [[1, 4], [2, 5], [3, 6]], "p": [[14, 32], [32, 77]], "flat": [1, 2, 3, 4, 5, 6]}
