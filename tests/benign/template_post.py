from string import Template

POST = Template("$name shipped ${count} things this week. $$0 spent.")


def run(ctx, params):
    return POST.substitute(name=params["name"], count=params["count"])

# params: {"name": "Ada", "count": 3}
# returns: "Ada shipped 3 things this week. $0 spent."
