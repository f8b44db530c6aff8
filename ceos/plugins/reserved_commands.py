"""The commands of ceos: where each is, and its line of help.

The table is a module of its own, because the plugin manager has to know the reserved names.
"""

from __future__ import annotations

#: name → (module of ceos.cli, attribute, one line of help)
COMMANDS = {
    "demo": ("demo.command", "demo", "Try everything: three agents, real workers, no keys, under a minute."),
    "up": ("processes", "up", "Run worker processes with a scheduler until Ctrl-C."),
    "scheduler": ("processes", "scheduler", "Run a scheduler on its own, for big fleets."),
    "web": ("web", "web", "Receive Neynar's webhooks and serve the agents' public pages."),
    "sim": ("processes", "sim", "Run the simulator of Neynar, OpenRouter and fal.ai."),
    "doctor": ("doctor.command", "doctor", "Check servers, keys, signers, models and clock, and say how to fix each."),
    "status": ("status", "status", "Show every agent and the work under way."),
    "trends": ("trends", "trends", "Show the current trends, and their relevance to agents."),
    "post": ("posts", "post", "Post now, by hand, by the same path as a scheduled post."),
    "panic": ("status", "panic", "Stop all publishing and paying, everywhere, at once."),
    "unpanic": ("status", "unpanic", "Let publishing and paying go on."),
    "agent": ("agents", "agent", "Apply, list, show, export, pause, resume and remove agents."),
    "draft": ("drafts", "draft", "List, show, edit, approve and reject drafts."),
    "cast": ("casts", "cast", "Delete published casts, and take likes and recasts back."),
    "dead": ("drafts", "dead", "List, retry and drop failed and partly published posts."),
    "metrics": ("metrics", "metrics", "Show followers, reactions, weekly scores and advice."),
    "chain": (
        "chain.group",
        "chain",
        "Read from Base, and send what your policy allows; register, anchor, buy and sell.",
    ),
    "skill": ("skill.commands", "skill", "Make, check, run, allow and list skills."),
    "strategy": ("plugins", "strategy", "List the posting strategies."),
    "docs": ("docs", "docs", "Show the documentation."),
    "plugin": ("plugins", "plugin", "List the plugins."),
}
