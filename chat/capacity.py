"""How many readers a process bears: short requests always get in, and the files that a user may open are counted."""

import resource

OPEN_FILES = 10_100  # what a process should be allowed: ten thousand connections, and some files
SHORT_REQUESTS = 0.1  # of all files or connections, the part that is kept for requests that wait for nothing
SHORT_THREADS = 0.25  # the same of threads, of which there are few


def files() -> int | None:
    """How many files the process may open, or None for any number."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return soft if soft != resource.RLIM_INFINITY else None


def open_files_allowed() -> int | None:
    """Let the process open as many files as its user may; returns how many, or None for any number."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return files()


def readers(connections: int | None) -> int | None:
    """How many readers leave room for all else, where each keeps a file, and one of so many connections, if any."""
    bounds = [bound for bound in (files(), connections) if bound is not None]
    return int(min(bounds) * (1 - SHORT_REQUESTS)) if bounds else None


def readers_of_threads(threads: int) -> int:
    """How many readers leave room for all else, where each keeps one of so many threads."""
    return min(threads - 1, int(threads * (1 - SHORT_THREADS)))
