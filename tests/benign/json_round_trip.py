import json


def run(ctx, params):
    text = json.dumps(params["data"], sort_keys=True, ensure_ascii=False, indent=2)
    again = json.loads(text)
    return {"lines": text.count("\n") + 1, "same": again == params["data"], "compact": json.dumps(again, separators=(",", ":"))}

# params: {"data": {"b": [1, 2.5, null], "a": "ü"}}
# returns: {"lines": 8, "same": true, "compact": "{\"a\":\"\\u00fc\",\"b\":[1,2.5,null]}"}
