TABLE = str.maketrans({"“": '"', "”": '"', "’": "'", "—": "-", "…": "..."})


def run(ctx, params):
    fixed = [part.translate(TABLE) for part in ctx.draft]
    return None if fixed == ctx.draft else fixed

# ctx: {"draft": ["“Quoted” — it’s here…", "plain"]}
# returns: ["\"Quoted\" - it's here...", "plain"]
