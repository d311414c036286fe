"""A reader by PyPI's `httpx-sse`: python -m bench.soak.listen_httpx URL COOKIES CURSOR SILENCE_SECONDS.

Prints each event as a line of JSON.
"""

import json
import random
import sys
import time

import httpx
from httpx_sse import SSEError, connect_sse


def main(url: str, cookies: str, cursor: str, silence_seconds: str) -> None:
    retry_ms = 1000
    while True:
        head = {"Cookie": cookies} | ({"Last-Event-ID": cursor} if cursor else {})
        try:
            say(event="opened")
            with httpx.Client(timeout=float(silence_seconds), trust_env=False) as client:
                with connect_sse(client, "GET", url, headers=head) as source:
                    for event in source.iter_sse():
                        cursor = event.id or cursor
                        retry_ms = event.retry or retry_ms
                        say(event=event.event, id=event.id, data=event.data)
        except (httpx.HTTPError, SSEError):
            pass
        say(event="lost")
        time.sleep(retry_ms / 1000 * random.uniform(1, 1.5))


def say(**line: str) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
