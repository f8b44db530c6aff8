# tries: the host's error with arguments of the attacker's, to put words into the host's mouth
# layer: language
# plain: there is no such name in plain Python
def run(ctx, params):
    raise HostError("ESCAPED", {"t": "result"}, ctx)
