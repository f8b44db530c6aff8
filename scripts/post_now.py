#!/usr/bin/env python3
"""Post now, by hand: `scripts/post_now.py AGENT [--kind K] [--text T] [--dry-run] [--wait] [--key KEY] [--json]`.

The same as `ceos post`, for cron jobs and other programs; run it with the Python that ceos is installed in.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Hand the arguments to `ceos post`."""
    try:
        from ceos.cli import main as ceos
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("ceos", "click"):
            raise
        sys.exit(f"ceos is not installed in {sys.executable}; run this script with the Python of its environment.")
    sys.argv[1:1] = ["post"]
    ceos()


if __name__ == "__main__":
    main()
