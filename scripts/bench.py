#!/usr/bin/env python3
"""Measures what ceos promises about speed and memory; see `scripts/bench/`."""

import sys

from bench.main import main

sys.exit(main())
