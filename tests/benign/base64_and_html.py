import base64
import html


def run(ctx, params):
    escaped = html.escape(params["text"])
    encoded = base64.b64encode(escaped.encode("utf-8")).decode("ascii")
    return [escaped, encoded, html.unescape(base64.b64decode(encoded).decode("utf-8"))]

# params: {"text": "<b>Tea & cake</b>"}
# returns: ["&lt;b&gt;Tea &amp; cake&lt;/b&gt;", "Jmx0O2ImZ3Q7VGVhICZhbXA7IGNha2UmbHQ7L2ImZ3Q7", "<b>Tea & cake</b>"]
