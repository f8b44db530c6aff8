from string import Template


def run(ctx, params):
    template = Template("Hello $name, welcome to $place")
    try:
        return template.substitute(params)
    except KeyError as missing:
        return template.safe_substitute(params) + f" (missing {missing.args[0]})"

# params: {"name": "Ada"}
# returns: "Hello Ada, welcome to $place (missing place)"
