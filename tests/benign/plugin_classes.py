class Filter:
    order = 0

    def apply(self, text):
        return text


class Strip(Filter):
    order = 1

    def apply(self, text):
        return text.strip()


class Squeeze(Filter):
    order = 2

    def apply(self, text):
        return " ".join(text.split())


class Lower(Filter):
    order = 3
    apply = staticmethod(str.lower)


FILTERS = [Lower, Strip, Squeeze]


def run(ctx, params):
    text = params["text"]
    for kind in sorted(FILTERS, key=lambda cls: cls.order):
        text = kind().apply(text)
    return [text, [cls.__name__ for cls in FILTERS], isinstance(Strip(), Filter)]

# params: {"text": "  Too   Many spaces  "}
# returns: ["too many spaces", ["Lower", "Strip", "Squeeze"], true]
