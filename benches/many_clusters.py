#!/usr/bin/env python3
"""Measures the cost of many clusters that are created concurrently.

usage: benches/many_clusters.py PATH_OF_THE_BINARY [CLUSTERS] [CREATING_SECONDS] [POLL_SECONDS]

Runs `serve --sandbox` on loopback with a private database in a temporary directory. Requests CLUSTERS clusters
(default 1000), which take CREATING_SECONDS (default 240) in the sandbox, so that all are being created at the same
time. The service polls them every POLL_SECONDS (default 15, as with real AWS). While all clusters are being created,
prints the DescribeClusters calls in 30 seconds (one call returns up to 100 clusters), turns, threads and resident
memory. At the end, prints the total time, calls and turns.
"""

import concurrent.futures
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from measure import LISTEN, OPENER, URL, memory_mib, start, stop

import urllib.request


def post(name):
    body = {
        "name": name,
        "node_type": "dax.t3.small",
        "replication_factor": 1,
        "service_role": {"access": "read_only", "tables": ["Orders"]},
    }
    headers = {"content-type": "application/json"}
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"{URL}/v1/clusters", data=data, headers=headers, method="POST")
    return OPENER.open(request, timeout=60).status


def metrics():
    text = OPENER.open(f"{URL}/metrics", timeout=30).read().decode()
    calls = turns = 0
    statuses = {}
    for line in text.splitlines():
        if line.startswith("aws_calls_total") and 'call="DescribeClusters"' in line:
            calls += float(line.rsplit(" ", 1)[1])
        if line.startswith("turns_total"):
            turns += float(line.rsplit(" ", 1)[1])
        match = re.match(r'operations_unfinished\{status="(\w+)"\} (\S+)', line)
        if match:
            statuses[match[1]] = float(match[2])
    return calls, turns, statuses


def waiting():
    """The number of running operations that wait for their cluster."""
    count, cursor = 0, ""
    while True:
        page = json.load(OPENER.open(f"{URL}/v1/operations?status=running&limit=100{cursor}", timeout=60))
        count += sum(1 for operation in page["items"] if operation["waiting_for"] == "cluster")
        if not page["next_cursor"]:
            return count
        cursor = f"&cursor={page['next_cursor']}"


def available():
    count, cursor = 0, ""
    while True:
        page = json.load(OPENER.open(f"{URL}/v1/clusters?status=available&limit=100{cursor}", timeout=60))
        count += len(page["items"])
        if not page["next_cursor"]:
            return count
        cursor = f"&cursor={page['next_cursor']}"


def threads(process):
    return len(os.listdir(f"/proc/{process.pid}/task"))


def main():
    binary = sys.argv[1]
    clusters = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    creating = sys.argv[3] if len(sys.argv) > 3 else "240"
    poll = sys.argv[4] if len(sys.argv) > 4 else "15"
    with tempfile.TemporaryDirectory() as directory:
        # When run as root, PostgreSQL runs as another user, which must be able to enter.
        os.chmod(directory, 0o711)
        quotas = ",".join(f"{name}=5000" for name in ("nodes", "clusters", "roles", "policies", "certificates"))
        process, _ = start(binary, directory, "--creating-seconds", creating, "--quota", quotas, "--poll-seconds", poll)
        try:
            began = time.monotonic()
            names = [f"c{number}" for number in range(clusters)]
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                statuses = list(pool.map(post, names))
            assert statuses == [202] * clusters
            print(f"accepted {clusters} clusters in {time.monotonic() - began:.1f} s")
            while waiting() < clusters:
                time.sleep(2)
                if time.monotonic() - began > float(creating):
                    sys.exit("the first cluster became available too early; increase CREATING_SECONDS")
            print(f"all {clusters} are being created after {time.monotonic() - began:.1f} s")
            calls, turns, _ = metrics()
            window = 30.0
            time.sleep(window)
            calls_after, turns_after, statuses = metrics()
            print(f"in {window:.0f} s: {calls_after - calls:.0f} DescribeClusters calls, "
                  f"{turns_after - turns:.0f} turns; unfinished operations {statuses}")
            print(f"threads {threads(process)}, resident memory {memory_mib(process):.0f} MiB")
            while available() < clusters:
                time.sleep(2)
                if time.monotonic() - began > float(creating) * 4 + 600:
                    sys.exit(f"only {available()} of {clusters} became available")
            calls, turns, _ = metrics()
            print(f"all {clusters} available after {time.monotonic() - began:.1f} s; "
                  f"{calls:.0f} DescribeClusters calls and {turns:.0f} turns in total")
        finally:
            stop(process)


main()
