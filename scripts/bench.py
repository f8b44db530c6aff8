#!/usr/bin/env python3
"""Runs the benchmarks of `scripts/bench/`."""

import sys

from bench.main import main

sys.exit(main())
