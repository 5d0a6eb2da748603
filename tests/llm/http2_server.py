#!/usr/bin/python3
"""A server with TLS that speaks nothing but HTTP/2, for tests: answers each chat request after a while with its last message in
capitals. With the system's Python, since h2 is a package of the system (python3-h2).

    http2_server.py CERTIFICATE KEY MILLISECONDS

Prints its port. When its stdin ends: how many connections and requests there were, and how many were under way at once on one.
"""

import asyncio
import json
import ssl
import sys

import h2.config
import h2.connection
import h2.events
import h2.exceptions

counts = {"connections": 0, "requests": 0, "most_at_once": 0}


class Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.bodies = {}
        self.at_once = 0
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.http.initiate_connection()
        counts["connections"] += 1
        self.flush()

    def flush(self):
        self.transport.write(self.http.data_to_send())

    def data_received(self, data):
        for event in self.http.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self.bodies[event.stream_id] = b""
                self.at_once += 1
                counts["most_at_once"] = max(counts["most_at_once"], self.at_once)
            elif isinstance(event, h2.events.DataReceived):
                self.bodies[event.stream_id] += event.data
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                asyncio.get_running_loop().call_later(LATENCY, self.answer, event.stream_id)
        self.flush()

    def answer(self, stream):
        said = json.loads(self.bodies.pop(stream))["messages"][-1]["content"].upper()
        body = json.dumps({"choices": [{"message": {"content": said}, "finish_reason": "stop"}]}).encode()
        self.at_once -= 1
        counts["requests"] += 1
        try:
            self.http.send_headers(stream, [(":status", "200"), ("content-type", "application/json"), ("content-length", str(len(body)))])
            self.http.send_data(stream, body, end_stream=True)
        except h2.exceptions.ProtocolError:  # the other side has ended the stream
            return
        self.flush()


async def serve(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps(counts), flush=True)


LATENCY = int(sys.argv[3]) / 1000
asyncio.run(serve(sys.argv[1], sys.argv[2]))
