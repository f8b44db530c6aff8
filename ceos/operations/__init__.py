"""Everything that operators do, as typed functions: the command line calls them, and so may any other interface.

Each module holds the operations on one subject. `table.py` registers them with their scopes and audits the ones that
change something. An operation takes the wired system (`context.Context`) first; it parses and prints nothing.
"""
