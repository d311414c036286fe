"""The queries, one module for each table."""
