import copy


def run(ctx, params):
    draft = copy.deepcopy(params["draft"])
    shallow = copy.copy(params["draft"])
    draft["parts"].append("b")
    return [params["draft"], draft, shallow["parts"] is params["draft"]["parts"]]

# params: {"draft": {"parts": ["a"]}}
# returns: [{"parts": ["a"]}, {"parts": ["a", "b"]}, true]
