"""Figures, each beside a named peer of the same run: `make bench`, or one by `python -m bench.NAME`."""
