"""One channel, as the usual tutorial has it: a generator and a queue for each reader, under gunicorn with gevent."""

from itertools import count
from queue import Queue

from flask import Flask, Response, request

app = Flask(__name__)
queues = set()
numbers = count(1000)


@app.get("/stream")
def stream():
    queue = Queue()
    queues.add(queue)

    def events():
        try:
            yield "event: hello\ndata: {}\n\n"
            while True:
                yield queue.get()
        finally:
            queues.discard(queue)

    return Response(events(), mimetype="text/event-stream")


@app.post("/messages")
def post():
    frame = f"event: message\nid: {next(numbers)}\ndata: {request.get_data(as_text=True)}\n\n"
    for queue in list(queues):
        queue.put(frame)
    return "", 201
