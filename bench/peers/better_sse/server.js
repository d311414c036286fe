// One channel, as better-sse's documents have it, on Node's own server.

import {createServer} from "node:http";
import {createChannel, createSession} from "better-sse";

const channel = createChannel();
let number = 999;

const server = createServer(async (request, response) => {
    if (request.url === "/stream") {
        const session = await createSession(request, response, {keepAlive: 15000});
        session.push({}, "hello");
        channel.register(session);
        return;
    }
    let body = "";
    for await (const piece of request) {
        body += piece;
    }
    channel.broadcast(JSON.parse(body), "message", {eventId: String(++number)});
    response.writeHead(201, {"Content-Length": 0}).end();
});

server.keepAliveTimeout = 75000;
server.listen({port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096});
