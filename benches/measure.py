#!/usr/bin/env python3
"""Measures the service's own latency, its start time and its idle memory.

usage: benches/measure.py PATH_OF_THE_BINARY [ROUNDS]

Runs `serve --sandbox` without delays on loopback, with a private database in a temporary directory. Creates and
deletes ROUNDS clusters one after another (default 20). Prints the minimum, median and maximum of:

- created: time of a create request that waits for the cluster (`Prefer: wait`)
- deleted: time of a delete request that waits
- ready:   time from the start of the process to a successful `/readyz`, with a migrated database
- memory:  resident memory of the idle service in MiB, without the database
"""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
LISTEN = "127.0.0.1:18970"
URL = f"http://{LISTEN}"


def call(method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    headers = {"content-type": "application/json", "prefer": "wait=30"}
    request = urllib.request.Request(f"{URL}{path}", data=data, headers=headers, method=method)
    return json.load(OPENER.open(request, timeout=60))


def start(binary, directory, *settings):
    log = open(Path(directory) / "log", "w")
    command = [binary, "serve", "--sandbox", "--listen", LISTEN, "--data-dir", f"{directory}/data", *settings]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=log, stderr=log)
    while True:
        try:
            OPENER.open(f"{URL}/readyz", timeout=5)
            return process, time.monotonic() - began
        except (urllib.error.URLError, ConnectionError):
            if process.poll() is not None:
                sys.exit(Path(directory, "log").read_text())
            time.sleep(0.01)


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)


def memory_mib(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


def show(name, values, unit):
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:8} min {low:8.3f}  median {middle:8.3f}  max {high:8.3f} {unit}")


def main():
    binary, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20
    instant = []
    for state in ("creating", "deleting", "modifying", "propagation"):
        instant += [f"--{state}-seconds", "0"]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        os.chmod(directory, 0o755)
        process, _ = start(binary, directory, *instant)
        stop(process)
        readies, memories = [], []
        for _ in range(3):
            process, ready = start(binary, directory, *instant)
            time.sleep(2)
            readies.append(ready)
            memories.append(memory_mib(process))
            stop(process)
        process, _ = start(binary, directory, *instant)
        created, deleted = [], []
        for number in range(rounds):
            body = {"name": f"m{number}", "node_type": "dax.t3.small", "replication_factor": 1}
            body["service_role"] = {"access": "read_write", "tables": ["Orders"]}
            began = time.monotonic()
            assert call("POST", "/v1/clusters", body)["status"] == "succeeded"
            created.append(time.monotonic() - began)
            began = time.monotonic()
            assert call("DELETE", f"/v1/clusters/m{number}")["status"] == "succeeded"
            deleted.append(time.monotonic() - began)
        stop(process)
    show("created", created, "s")
    show("deleted", deleted, "s")
    show("ready", readies, "s")
    show("memory", memories, "MiB")


if __name__ == "__main__":
    main()
