class Prompt:
    def __init__(self):
        self.__lines = []

    def add(self, text, *, when=True):
        if when:
            self.__lines.append(text)
        return self

    def build(self):
        return "\n".join(self.__lines)


def run(ctx, params):
    return (
        Prompt()
        .add(f"Write about {params['topic']}.")
        .add("Never shown.", when=False)
        .add("Be brief.")
        .build()
    )

# params: {"topic": "tea"}
# returns: "Write about tea.\nBe brief."
