from collections import OrderedDict


class LRU:
    def __init__(self, size):
        self.size = size
        self.data = OrderedDict()

    def use(self, key):
        hit = key in self.data
        if hit:
            self.data.move_to_end(key)
        self.data[key] = True
        if len(self.data) > self.size:
            self.data.popitem(last=False)
        return hit


def run(ctx, params):
    cache = LRU(2)
    return [cache.use(key) for key in params["keys"]] + list(cache.data)

# params: {"keys": ["a", "b", "a", "c", "d"]}
# returns: [false, false, true, false, false, "c", "d"]
