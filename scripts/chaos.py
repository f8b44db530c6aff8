#!/usr/bin/env python3
"""Runs the fault injection of `scripts/chaos/main.py`."""

import sys

from chaos.main import main

sys.exit(main())
