"""Takes back what loading the Ethereum libraries does to the whole process.

py_ecc, far below web3 and eth_account, lets Python call itself 100,000 levels deep when it is loaded, which is deeper
than a stack is. From then on a stranger's JSON of many brackets kills the process; it should be a `RecursionError`.
"""

from __future__ import annotations

import sys

#: What Python starts with.
LEVELS = 1000


def bound_recursion() -> None:
    """Let Python call itself no deeper than it would by itself; call this after loading web3 or eth_account."""
    sys.setrecursionlimit(min(sys.getrecursionlimit(), LEVELS))
