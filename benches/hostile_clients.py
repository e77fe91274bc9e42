#!/usr/bin/env python3
"""Measures what hostile clients without a token cost the others.

usage: benches/hostile_clients.py PATH_OF_THE_BINARY [SECONDS] [SILENT]

Runs `serve --sandbox --authentication on` on loopback with a private database in a temporary directory. Prints:

- query:   size of the answer to a query of 64 KB, and to the largest query that is read
- memory:  resident memory in MiB while 300 clients send requests for SECONDS (default 120) and read nothing
- silent:  median and 99th percentile of an honest client, from another address, with SILENT (default 5000)
           connections that send nothing and are opened again when the service closes them
"""

import http.client
import os
import random
import resource
import selectors
import socket
import statistics
import sys
import tempfile
import threading
import time

from measure import LISTEN, memory_mib, start, stop

HOST, PORT = LISTEN.split(":")
ADDRESS = (HOST, int(PORT))
STALLED = 300
REQUESTS = 200
# Of the loopback network, so that it counts as another client.
HONEST = ("127.0.0.2", 0)


def query_answers():
    for query in ("&".join(["a"] * 32_000), "&".join(f"{n}{'%01' * 80}" for n in range(32))):
        connection = http.client.HTTPConnection(*ADDRESS, timeout=10)
        connection.request("GET", f"/healthz?{query}")
        response = connection.getresponse()
        body = response.read()
        print(f"query    {len(query)} bytes sent: status {response.status}, {len(body)} bytes received")
        connection.close()


def connect(small_buffer=False):
    client = socket.socket()
    if small_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    client.connect_ex(ADDRESS)
    return client


class Clients:
    """Connections that are opened again some seconds after the service has closed them."""

    def __init__(self, count, request):
        self.request = request
        self.selector = selectors.DefaultSelector()
        self.closed = 0
        self.running = True
        self.due = []
        for _ in range(count):
            self.open()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def open(self):
        client = connect(small_buffer=bool(self.request))
        events = selectors.EVENT_WRITE if self.request else selectors.EVENT_READ
        self.selector.register(client, events, self.request)

    def run(self):
        while self.running:
            now = time.monotonic()
            ready, self.due = [at for at in self.due if at <= now], [at for at in self.due if at > now]
            for _ in ready:
                self.open()
            for key, _ in self.selector.select(timeout=0.05):
                try:
                    if key.data:
                        sent = key.fileobj.send(key.data)
                        self.selector.modify(key.fileobj, selectors.EVENT_WRITE, key.data[sent:] or self.request)
                        continue
                    if key.fileobj.recv(1):
                        continue
                except BlockingIOError:
                    continue
                except OSError:
                    pass
                self.selector.unregister(key.fileobj)
                key.fileobj.close()
                self.closed += 1
                self.due.append(now + random.uniform(2.5, 7.5))

    def stop(self):
        self.running = False
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


def stalled_readers(process, seconds):
    query = "&".join(f"{n}{'%01' * 80}" for n in range(32))
    request = f"GET /healthz?{query} HTTP/1.1\r\nHost: {LISTEN}\r\n\r\n".encode()
    document = f"GET /openapi.json HTTP/1.1\r\nHost: {LISTEN}\r\n\r\n".encode()
    before = memory_mib(process)
    clients = Clients(STALLED, request + document)
    began, samples = time.monotonic(), []
    while time.monotonic() - began < seconds:
        time.sleep(5)
        samples.append(memory_mib(process))
    clients.stop()
    shown = " ".join(f"{sample:.0f}" for sample in samples)
    print(f"memory   before {before:.0f} MiB, then every 5 s: {shown} MiB; {clients.closed} connections closed")


def latencies():
    taken = []
    for _ in range(REQUESTS):
        began = time.monotonic()
        connection = http.client.HTTPConnection(*ADDRESS, timeout=30, source_address=HONEST)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        connection.close()
        taken.append((time.monotonic() - began) * 1000)
        time.sleep(0.02)
    return statistics.median(taken), sorted(taken)[int(len(taken) * 0.99)]


def silent_clients(count):
    print("silent   0 connections: median {:.1f} ms, p99 {:.1f} ms".format(*latencies()))
    clients = Clients(count, b"")
    time.sleep(2)
    middle, high = latencies()
    clients.stop()
    print(f"silent   {count} connections: median {middle:.1f} ms, p99 {high:.1f} ms; {clients.closed} closed")


def main():
    binary = sys.argv[1]
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 5000
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        os.chmod(directory, 0o755)
        process, _ = start(binary, directory, "--authentication", "on")
        try:
            query_answers()
            silent_clients(count)
            stalled_readers(process, seconds)
        finally:
            stop(process)


if __name__ == "__main__":
    main()
