"""The top-level domains of the internet, from the Public Suffix List that the package publicsuffixlist carries."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def top_level_domains() -> frozenset[str]:
    """Return all top-level domains in lower case, those in other scripts in their own letters and as `xn--…`."""
    text = (resources.files("publicsuffixlist") / "public_suffix_list.dat").read_text(encoding="utf-8")
    official = text.partition("===BEGIN ICANN DOMAINS===")[2].partition("===END ICANN DOMAINS===")[0]
    rules = (line.split() for line in official.splitlines() if line and not line.startswith("//"))
    found = {rule[0].lstrip("*.!").rpartition(".")[2].casefold() for rule in rules if rule}
    return frozenset(found | {f"xn--{name.encode('punycode').decode()}" for name in found if not name.isascii()})
