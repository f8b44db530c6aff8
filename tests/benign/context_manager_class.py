class Section:
    def __init__(self, lines, title):
        self.lines = lines
        self.title = title

    def __enter__(self):
        self.lines.append(f"<{self.title}>")
        return self

    def __exit__(self, kind, error, trace):
        self.lines.append(f"</{self.title}>")
        if kind is not None and issubclass(kind, ZeroDivisionError):
            self.lines.append(str(error))
            return True
        return False


def run(ctx, params):
    lines = []
    with Section(lines, "a") as a, Section(lines, "b"):
        lines.append(a.title.upper())
        1 / 0
    return lines

# returns: ["<a>", "<b>", "A", "</b>", "division by zero", "</a>"]
