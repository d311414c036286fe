"""The process on its host: what it opens, how many readers it can hold, workers, checks."""
