EMOJI = {"rain": "🌧️", "sun": "☀️"}


def run(ctx, params):
    return "".join(EMOJI.get(word, word + " ") for word in params["text"].split(" ")).strip()

# params: {"text": "rain then sun"}
# returns: "🌧️then ☀️"
