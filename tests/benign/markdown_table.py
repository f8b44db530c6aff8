def run(ctx, params):
    rows = params["rows"]
    headers = list(rows[0])
    widths = {key: max(len(key), *(len(str(row[key])) for row in rows)) for key in headers}
    line = lambda cells: "| " + " | ".join(str(c).ljust(widths[k]) for k, c in zip(headers, cells)) + " |"
    out = [line(headers), "|" + "|".join("-" * (widths[key] + 2) for key in headers) + "|"]
    out.extend(line(row.values()) for row in rows)
    return "\n".join(out)

# params: {"rows": [{"name": "a", "likes": 10}, {"name": "bcd", "likes": 5}]}
# returns: "| name | likes |\n|------|-------|\n| a    | 10    |\n| bcd  | 5     |"
