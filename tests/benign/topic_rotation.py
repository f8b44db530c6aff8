from collections import Counter


def run(ctx, params):
    mentions = Counter({topic: 0 for topic in ctx.agent["topics"]})
    for text in ctx.recent:
        for topic in mentions:
            if topic in text.lower():
                mentions[topic] += 1
    rarest = min(mentions.items(), key=lambda pair: (pair[1], pair[0]))
    return {"use": rarest[0], "counts": dict(mentions)}

# ctx: {"agent": {"name": "Ada", "topics": ["tea", "maths", "cats"]}, "recent": ["I love tea", "Maths is fun", "more tea"]}
# returns: {"use": "cats", "counts": {"tea": 2, "maths": 1, "cats": 0}}
