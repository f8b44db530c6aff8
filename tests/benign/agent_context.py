def run(ctx, params):
    agent = ctx.agent
    others = [topic for topic in agent["topics"] if topic != ctx.topic]
    return f"{agent['name']} ({agent['tone']}) writes a {ctx.kind} on {ctx.topic}; also likes {', '.join(others)}; avoids {agent.get('avoid')}"

# ctx: {"agent": {"name": "Ada", "bio": "Tea.", "tone": "dry", "topics": ["tea", "maths"], "avoid": ["politics"]}, "topic": "tea", "kind": "thread"}
# returns: "Ada (dry) writes a thread on tea; also likes maths; avoids ['politics']"
