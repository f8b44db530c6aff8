"""Undoes the change of the recursion limit that loading the Ethereum libraries makes.

py_ecc, a dependency of web3 and eth_account, raises Python's limit to 100,000 levels when it is loaded, which is more
than a stack can hold. From then on, untrusted JSON of many brackets crashes the process; it must be a `RecursionError`.
"""

from __future__ import annotations

import sys

#: The limit that Python starts with.
MAX_LEVELS = 1000


def bound_recursion() -> None:
    """Restore Python's own recursion limit; call this after loading web3 or eth_account."""
    sys.setrecursionlimit(min(sys.getrecursionlimit(), MAX_LEVELS))
