from collections import defaultdict


def run(ctx, params):
    tally = defaultdict(int)
    for vote in params["votes"]:
        vote = vote.upper()
        if vote not in "ABC":
            continue
        tally[vote] += 1
    total = sum(tally.values())
    return {key: f"{tally[key] / total:.0%}" for key in sorted(tally)}

# params: {"votes": ["a", "B", "a", "c", "x", "A"]}
# returns: {"A": "60%", "B": "20%", "C": "20%"}
