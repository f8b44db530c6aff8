"""`python -m ceos.simulator`: the simulator as a process of its own."""

from __future__ import annotations

import argparse
import json
import logging
import time

from ceos.simulator import create_app, serve
from ceos.simulator.timeline import fast_clock


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m ceos.simulator", description="Imitate Neynar, OpenRouter and fal.ai."
    )
    parser.add_argument("--port", type=int, default=8899, help="0 takes a free port (default: 8899)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--faults", default="{}", help='JSON, for example {"neynar": {"cut_after": 0.1}}')
    parser.add_argument("--speed", type=float, default=1.0, help="run the clock this much faster than life")
    parser.add_argument("--origin", type=float, default=0.0, help="the Unix time from which on it does (default: now)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        config = json.loads(options.faults)
        create_app(options.seed, **config)
    except (ValueError, TypeError) as error:
        parser.error(f"--faults: {error}")
    clock = fast_clock(options.speed, options.origin or time.time())
    serve(options.port, seed=options.seed, host=options.host, config=config, clock=clock)


if __name__ == "__main__":
    main()
