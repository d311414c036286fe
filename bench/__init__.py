"""Benchmarks of the real server, run by bin/bench: a module each, listed in `__main__.py`."""
