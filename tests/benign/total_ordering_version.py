from functools import total_ordering


@total_ordering
class Version:
    def __init__(self, text):
        self.text = text
        self.parts = tuple(int(part) for part in text.split("."))

    def __eq__(self, other):
        return self.parts == other.parts

    def __lt__(self, other):
        return self.parts < other.parts


def run(ctx, params):
    versions = sorted(Version(text) for text in params["versions"])
    return [version.text for version in versions] + [versions[0] <= versions[1], versions[0] >= versions[2]]

# params: {"versions": ["1.10.0", "1.2.3", "1.2.10"]}
# returns: ["1.2.3", "1.2.10", "1.10.0", true, false]
