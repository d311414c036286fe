"""A reader by PyPI's `sseclient-py`: python listen_sseclient.py URL COOKIES CURSOR. Prints each event as JSON."""

import json
import sys
import time
import urllib.error
import urllib.request

from sseclient import SSEClient


def main(url: str, cookies: str, cursor: str) -> None:
    while True:
        head = {"Cookie": cookies, "Accept": "text/event-stream"} | ({"Last-Event-ID": cursor} if cursor else {})
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=head)) as answer:
                for event in SSEClient(iter(lambda: answer.read1(65536), b"")).events():
                    cursor = event.id or cursor
                    print(json.dumps({"event": event.event, "id": event.id, "data": event.data}), flush=True)
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.2)


if __name__ == "__main__":
    main(*sys.argv[1:])
