import html
import re

ITEM = re.compile(r"<item\b.*?</item>", re.S)
TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
TAG = re.compile(r"<[^>]+>")


def clean(text):
    text = CDATA.sub(lambda match: match.group(1), text)
    return html.unescape(TAG.sub("", text)).strip()


def run(ctx, params):
    page = ctx.http_get(params["url"])
    if page["status"] != 200:
        return None
    titles = []
    for item in ITEM.findall(page["text"]):
        if match := TITLE.search(item):
            titles.append(clean(match.group(1)))
    return {"headlines": titles[: params.get("most", 5)]}

# params: {"url": "https://news.example.org/feed.xml", "most": 2}
# grants: ["http"]
# ctx: {"answers": {"http": {"https://news.example.org/feed.xml": "<rss><channel><title>News</title><item><title>Tea &amp; biscuits</title><link>https://e.org/1</link></item><item><title><![CDATA[Rain <b>again</b>]]></title><link>https://e.org/2</link></item><item><title>Third</title></item></channel></rss>"}}}
# returns: {"headlines": ["Tea & biscuits", "Rain again"]}
