# tries: a sort key that changes the list which is being sorted
# layer: language
# plain: the interpreter copes by itself
def run(ctx, params):
    numbers = [3, 2, 1]
    try:
        numbers.sort(key=lambda number: numbers.append(number) or number)
    except ValueError:
        return "held: the list was changed while it was sorted"
    return "held: sorted"
