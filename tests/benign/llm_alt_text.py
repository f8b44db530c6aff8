PROMPT = """Describe the image for someone who cannot see it.
One sentence, at most {limit} characters.

Image: {image}"""


def run(ctx, params):
    answer = ctx.llm_generate(PROMPT.format(limit=120, image=params["image"]), max_tokens=60)
    answer = answer.strip()
    return answer if len(answer) <= 120 else answer[:117].rstrip() + "..."

# params: {"image": "a red bicycle against a wall"}
# grants: ["llm"]
# ctx: {"answers": {"llm": "  A red bicycle leans on a brick wall.  \n"}}
# returns: "A red bicycle leans on a brick wall."
