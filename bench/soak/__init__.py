"""The soak, run by bin/soak: everybody reads and writes at once while everything fails, then an oracle counts."""
