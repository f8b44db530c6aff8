def run(ctx, params):
    name, value, width = params["name"], params["value"], 10
    return [
        f"{name!r:>{width}}",
        f"{value:,.{2}f}",
        f"{value:>{width}.1f}|",
        f"{name:*^{width}}",
        f"{{literal}} {name.upper()} {len(name) + 1}",
        f"{value=:.1f}",
        f"{12:05d} {255:x} {0.256:.1%}",
        f"{'nested ' + f'{name}'}",
    ]

# params: {"name": "Ada", "value": 1234.5678}
# returns: ["     'Ada'", "1,234.57", "    1234.6|", "***Ada****", "{literal} ADA 4", "value=1234.6", "00012 ff 25.6%", "nested Ada"]
