import re

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|(.))")


class Parser:
    """Recursive descent for the four operations."""

    def __init__(self, text):
        self.tokens = [(number, op) for number, op in TOKEN.findall(text)]
        self.position = 0

    def peek(self):
        return self.tokens[self.position] if self.position < len(self.tokens) else (None, None)

    def take(self):
        token = self.peek()
        self.position += 1
        return token

    def expression(self):
        value = self.term()
        while self.peek()[1] in ("+", "-"):
            _, op = self.take()
            value = value + self.term() if op == "+" else value - self.term()
        return value

    def term(self):
        value = self.factor()
        while self.peek()[1] in ("*", "/"):
            _, op = self.take()
            value = value * self.factor() if op == "*" else value / self.factor()
        return value

    def factor(self):
        number, op = self.take()
        if number:
            return float(number)
        if op == "(":
            value = self.expression()
            self.take()
            return value
        raise SyntaxError(f"unexpected {op!r}")


def run(ctx, params):
    return Parser(params["expression"]).expression()

# params: {"expression": "2 * (3 + 4) - 10 / 5"}
# returns: 12.0
