from typing import NamedTuple, Optional


class Row(NamedTuple):
    name: str
    score: int = 0
    note: Optional[str] = None

    def line(self) -> str:
        return f"{self.name}:{self.score}"


def run(ctx, params):
    rows = [Row(*values) for values in params["rows"]]
    name, score, note = rows[0]
    return [row.line() for row in sorted(rows, key=lambda row: row.score)] + [name, score, note, Row("z").score]

# params: {"rows": [["a", 3], ["b", 1]]}
# returns: ["b:1", "a:3", "a", 3, null, 0]
