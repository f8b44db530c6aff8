def run(ctx, params):
    id = params["id"]
    input = params["input"]
    dir = {"a": id}
    vars = [input, dir]
    type_ = type(id).__name__
    return [id, vars, type_]

# params: {"id": 7, "input": "text"}
# returns: [7, ["text", {"a": 7}], "int"]
