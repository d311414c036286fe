"""Private parts of packages that we use: in which versions they were tried, and whether they still look the same."""

import logging
from collections.abc import Callable, Iterable, Mapping

log = logging.getLogger(__name__)

Version = tuple[int, ...]


class Internals:
    """The private parts of one package. `parts` names each and looks whether it is as it was when it was tried.

    Versions are compared as far as the bounds go: a `newest` of (3, 14) includes all of 3.14. `otherwise` says, as the
    end of a sentence, what is done where a part is different.
    """

    def __init__(
        self, package: str, version: Version, tried: tuple[Version, Version],
        parts: Mapping[str, Callable[[], bool]], otherwise: str,
    ) -> None:
        self.package = package
        self.version = version
        self.tried = tried
        self._parts = parts
        self._otherwise = otherwise
        self._known: bool | None = None

    @property
    def is_tried(self) -> bool:
        """Whether the version is one that was tried, or between two of them."""
        oldest, newest = self.tried
        return oldest <= self.version[: len(oldest)] and self.version[: len(newest)] <= newest

    def are_known(self) -> bool:
        """Whether all parts look as they did. Looked up once; where not, one sentence is logged."""
        if self._known is None:
            different = [name for name, is_same in self._parts.items() if not _holds(is_same)]
            self._known = not different
            if different:
                log.warning("%s %s is different inside (%s): %s", self.package, dotted(self.version),
                            ", ".join(different), self._otherwise)
        return self._known


def dotted(version: Iterable[int]) -> str:
    """The version as people write it, such as 3.14."""
    return ".".join(map(str, version))


def _holds(claim: Callable[[], bool]) -> bool:
    try:
        return claim()
    except Exception:  # whatever is missing: it is different
        return False
