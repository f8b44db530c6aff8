from string import ascii_lowercase as LOWER, ascii_uppercase as UPPER


def run(ctx, params):
    shift = params["shift"]
    table = str.maketrans(LOWER + UPPER, LOWER[shift:] + LOWER[:shift] + UPPER[shift:] + UPPER[:shift])
    secret = params["text"].translate(table)
    back = {value: key for key, value in table.items()}
    return [secret, secret.translate(back)]

# params: {"text": "Hello, World!", "shift": 3}
# returns: ["Khoor, Zruog!", "Hello, World!"]
