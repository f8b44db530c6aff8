class InvalidValue(ValueError):
    """A value that is not allowed."""

    def __init__(self, value, reason="not allowed"):
        super().__init__(f"{value}: {reason}")
        self.value = value
        self.reason = reason


def check(text):
    try:
        number = int(text)
    except ValueError as error:
        raise InvalidValue(text, "not a number") from error
    if number < 0:
        raise InvalidValue(number, "negative")
    return number


def run(ctx, params):
    results = []
    for text in [params["value"], "x", "7"]:
        try:
            results.append(check(text))
        except InvalidValue as error:
            results.append([str(error), error.reason, error.args[0], type(error).__name__])
    return results

# params: {"value": "-3"}
# returns: [["-3: negative", "negative", "-3: negative", "InvalidValue"], ["x: not a number", "not a number", "x: not a number", "InvalidValue"], 7]
