from textwrap import dedent


def run(ctx, params):
    prompt = dedent(
        f"""
        Write about {params['topic']}.
          - be brief
          - no hashtags
        """
    ).strip()
    return prompt.splitlines()

# params: {"topic": "tea"}
# returns: ["Write about tea.", "  - be brief", "  - no hashtags"]
