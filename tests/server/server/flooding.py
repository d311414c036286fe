"""A program that floods: each of its connections sends a request again as soon as it is answered, for some seconds,
and until so many were refused.

Reads JSON from its standard input: {"host", "port", "seconds", "refused", "requests": [text of a whole HTTP request,
…]}, one connection for each; says "flooding" once each was answered for the first time, and at the end how often each
status came and the "seconds" that it took. It yields to everybody else on this machine, because who floods works on
machines of their own.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter


async def main():
    plan = json.load(sys.stdin)
    statuses = Counter()
    started = asyncio.Semaphore(0)
    began = time.monotonic()
    flooders = [asyncio.create_task(flood(plan, request, statuses, started)) for request in plan["requests"]]
    for _ in flooders:
        await started.acquire()
    print("flooding", flush=True)
    await asyncio.gather(*flooders)
    print(json.dumps(statuses | {"seconds": time.monotonic() - began}))


async def flood(plan, request, statuses, started):
    reader, writer = await asyncio.open_connection(plan["host"], plan["port"])
    until = time.monotonic() + plan["seconds"]
    while time.monotonic() < until or statuses["429"] < plan["refused"]:
        writer.write(request.encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
        statuses[head[9:12].decode()] += 1
        started.release()
    writer.close()


os.nice(10)
asyncio.run(main())
