#!/usr/bin/env python3
"""Proves the guarantees of publishing by fault injection; see `scripts/chaos/`."""

import sys

from chaos.main import main

sys.exit(main())
