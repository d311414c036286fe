"""A script of the test's before the site's own, in pages and workers, alike for all engines: a proxy puts it there."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.browser.obstacles import Exchange, obstacles_before

# Once in a page or worker, before whichever file is its first.
ONCE = "if (!self.hasForeword) {{ self.hasForeword = true;\n{}\n}}\n"


@contextmanager
def foreword(host: str, port: int, script: str) -> Iterator[str]:
    """The address of the same site, where `script` runs first."""
    first_words = ONCE.format(script).encode()

    def begin(exchange: Exchange) -> None:
        pieces = exchange.pieces()
        exchange.send(next(pieces) + first_words)
        for piece in pieces:
            exchange.send(piece)

    with obstacles_before(host, port) as way:
        way.put("/scripts/", begin)
        yield way.base_url
