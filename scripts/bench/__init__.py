"""The benchmarks that `scripts/bench.py` runs."""
