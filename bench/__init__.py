"""Benchmarks: `make bench`, or `python -m bench NAME`. Figures are printed, never asserted."""
