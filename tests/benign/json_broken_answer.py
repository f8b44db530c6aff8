import json
import re


def extract(text):
    match = re.search(r"\{.*\}", text, flags=re.DOTALL)
    if match is None:
        raise ValueError("no object in the answer")
    return json.loads(match.group(0))


def run(ctx, params):
    try:
        found = extract(params["answer"])
    except (ValueError, json.JSONDecodeError) as error:
        return {"error": str(error)}
    try:
        extract("{broken")
    except ValueError as error:
        found["second"] = str(error)
    return found

# params: {"answer": "Sure! Here it is: {\"title\": \"Tea\", \"tags\": [\"a\"]} Enjoy."}
# returns: {"title": "Tea", "tags": ["a"], "second": "no object in the answer"}
