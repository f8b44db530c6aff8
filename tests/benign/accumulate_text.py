from itertools import takewhile, accumulate


def run(ctx, params):
    sizes = accumulate(params["paragraphs"], lambda total, text: total + len(text), initial=0)
    count = sum(1 for _ in takewhile(lambda size: size <= params["limit"], sizes)) - 1
    return params["paragraphs"][:count]

# params: {"paragraphs": ["aaa", "bb", "cccc"], "limit": 7}
# returns: ["aaa", "bb"]
