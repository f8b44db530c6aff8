SEASONS = ("winter", "spring", "summer", "autumn")
WORDS = {
    "winter": ["first snow", "bare branch", "charcoal fire", "winter moon"],
    "spring": ["plum blossom", "frog", "hazy moon", "skylark"],
    "summer": ["cicada", "short night", "iced tea", "evening shower"],
    "autumn": ["first geese", "harvest moon", "scarecrow", "red leaves"],
}


def run(ctx, params):
    """Return the season and its words, without those in the agent's latest casts; None when all are used up."""
    # December begins the winter of the north.
    index = ctx.now.month % 12 // 3
    if params.get("hemisphere") == "south":
        index = (index + 2) % 4
    season = SEASONS[index]
    used = " ".join(ctx.recent).lower()
    words = [word for word in WORDS[season] if word not in used]
    ctx.log(f"{len(words)} words of {season} are left")
    return {"season": season, "words": words} if words else None
