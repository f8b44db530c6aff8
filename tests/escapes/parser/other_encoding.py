# tries: a source that says it is written in another encoding, where comments end elsewhere
# layer: language
# plain: the declaration does not count for a text
# coding: utf-7
def run(ctx, params):
    return "held: read as utf-8"  # +AAo- return ().__class__
