"""One channel, as sse-starlette's documents have it: a queue for each reader."""

import asyncio
from itertools import count

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

queues = set()
numbers = count(1000)


async def stream(request: Request) -> EventSourceResponse:
    queue = asyncio.Queue()
    queues.add(queue)

    async def events():
        try:
            yield {"event": "hello", "data": "{}"}
            while True:
                yield await queue.get()
        finally:
            queues.discard(queue)

    return EventSourceResponse(events(), ping=15, sep="\n")


async def post(request: Request) -> Response:
    message = {"id": str(next(numbers)), "event": "message", "data": (await request.body()).decode()}
    for queue in queues:
        queue.put_nowait(message)
    return Response(status_code=201)


app = Starlette(routes=[Route("/stream", stream), Route("/messages", post, methods=["POST"])])
