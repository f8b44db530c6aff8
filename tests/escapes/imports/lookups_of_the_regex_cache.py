# tries: filling the caches that trusted functions keep, for later calls to find
# layer: language
# plain: every call has a process of its own
import re
import urllib.parse


def run(ctx, params):
    for number in range(2000):
        re.compile(f"x{number}")
        urllib.parse.urlsplit(f"http://x{number}/")
    return "held: nobody comes after this call"
