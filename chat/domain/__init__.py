"""The verbs: each checks, then writes what it means into one transaction, whose commit rings."""
