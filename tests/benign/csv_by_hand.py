import re

FIELD = re.compile(r'"((?:[^"]|"")*)"|([^,]*)')


def cells(line):
    row, position = [], 0
    while position <= len(line):
        match = FIELD.match(line, position)
        quoted, plain = match.groups()
        row.append(quoted.replace('""', '"') if quoted is not None else plain)
        position = match.end() + 1
    return row


def run(ctx, params):
    header, *rows = [cells(line) for line in params["csv"].splitlines() if line]
    return [dict(zip(header, row)) for row in rows]

# params: {"csv": "name,age\nAda,36\n\"Smith, John\",40\n"}
# returns: [{"name": "Ada", "age": "36"}, {"name": "Smith, John", "age": "40"}]
