"""`ceos docs`: the documentation in the terminal, as it is installed."""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path

import click

from ceos.cli.output import show_table
from ceos.errors import NotFound

FOLDER = Path(__file__).parents[1] / "docs"
#: An entry of an index page: `- [Title](page.md): One sentence.`
ENTRY = re.compile(r"^- \[[^\]]+\]\(([\w/-]+)\.md\): (.+)$", re.MULTILINE)
COMMENT = re.compile(r"^<!--.*?-->\n", re.MULTILINE | re.DOTALL)


@click.command()
@click.argument("topic", required=False)
def docs(topic: str | None) -> None:
    """Show the page of the documentation about TOPIC; without it, list the topics."""
    if topic is None:
        show_table(["topic", "contents"], list(topics().items()), empty="")
        click.echo("\n'ceos docs TOPIC' shows a page; 'ceos docs TOPIC | less' shows it in pieces.", err=True)
        return
    text = read_page(topic)
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415  # only on a terminal
        from rich.markdown import Markdown  # noqa: PLC0415

        Console().print(Markdown(text, hyperlinks=False))
    else:
        click.echo(text, nl=False)


def topics() -> dict[str, str]:
    """Return every topic with its sentence, in the order of the index."""
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    return {page.removesuffix("/index"): sentence for page, sentence in ENTRY.findall(index)}


def read_page(topic: str) -> str:
    """Return the Markdown of a page without its comments; raises `NotFound` with the nearest topics."""
    known = topics()
    wanted = topic.lower().removesuffix(".md").strip("/")
    # The last part of a name is enough where it is unique.
    matches = [name for name in known if name == wanted] or [name for name in known if name.endswith(f"/{wanted}")]
    if len(matches) != 1:
        near = matches or difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else "'ceos docs' lists the topics."
        raise NotFound(f"No page about {topic!r}. {hint}")
    path = FOLDER / f"{matches[0]}.md"
    path = path if path.is_file() else FOLDER / matches[0] / "index.md"
    return COMMENT.sub("", path.read_text(encoding="utf-8"))
