"""PostgreSQL as the store's engine; see `engine.py`."""
