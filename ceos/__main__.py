"""`python -m ceos` is the `ceos` command."""

from ceos.cli import main

main()
