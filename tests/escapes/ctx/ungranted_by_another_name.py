# tries: a method that was not granted, of ctx under another name
# layer: both
def run(context, params):
    other = [context][0]
    return f"ESCAPED: {other.llm_generate('hello')}"
