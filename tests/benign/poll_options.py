LETTERS = "ABCDEFGH"


def run(ctx, params):
    options = params["options"]
    if not 2 <= len(options) <= len(LETTERS):
        raise ValueError("a poll needs two to eight options")
    lines = [params["question"], ""]
    lines += [f"{letter}) {option}" for letter, option in zip(LETTERS, options)]
    return "\n".join(lines)

# params: {"question": "Tea or coffee?", "options": ["Tea", "Coffee", "Both"]}
# returns: "Tea or coffee?\n\nA) Tea\nB) Coffee\nC) Both"
