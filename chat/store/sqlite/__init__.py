"""SQLite as the engine: how its file is opened, locked, cleaned, and found again."""
