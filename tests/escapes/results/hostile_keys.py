# tries: keys that are the words of the protocol, no texts, or look like others
# layer: host
def run(ctx, params):
    return {"t": "call", "v": "held", "": 1, "__class__": 2, "\u202e": 3, 1: 4, "1": 5, None: 6, True: 7, 1.5: 8}
