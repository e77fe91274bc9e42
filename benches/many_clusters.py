#!/usr/bin/env python3
"""Asks for many clusters at once and counts what their waiting costs.

usage: benches/many_clusters.py PATH_OF_THE_BINARY [CLUSTERS] [CREATING_SECONDS] [POLL_SECONDS]

Runs `serve --sandbox` on loopback with a private database in a temporary folder and asks for CLUSTERS clusters (default
1000) that take CREATING_SECONDS (default 240) to become available in the sandbox, so that all of them wait at the same
time, and lets the service look at them every POLL_SECONDS (default 15, as on AWS). Prints, while all wait: the calls of
DescribeClusters in 30 seconds (a hundred clusters fit into one), turns taken, threads and resident memory; and at the end
how many clusters became available and how long that took.
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


def figures():
    text = OPENER.open(f"{URL}/metrics", timeout=30).read().decode()
    calls = turns = 0
    statuses = {}
    for line in text.splitlines():
        if line.startswith("aws_calls_total") and 'call="DescribeClusters"' in line:
            calls += float(line.rsplit(" ", 1)[1])
        if line.startswith("turns_total"):
            turns += float(line.rsplit(" ", 1)[1])
        found = re.match(r'operations_unfinished\{status="(\w+)"\} (\S+)', line)
        if found:
            statuses[found[1]] = float(found[2])
    return calls, turns, statuses


def waiting(total):
    """How many operations of the newest pages wait for their cluster."""
    count, cursor = 0, ""
    while True:
        page = json.load(OPENER.open(f"{URL}/v1/operations?status=running&limit=100{cursor}", timeout=60))
        count += sum(1 for one in page["items"] if one["waiting_for"] == "cluster")
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
    with tempfile.TemporaryDirectory() as folder:
        # Whoever runs PostgreSQL, when we are root, must be able to enter.
        os.chmod(folder, 0o711)
        quotas = ",".join(f"{name}=5000" for name in ("nodes", "clusters", "roles", "policies", "certificates"))
        process, _ = start(binary, folder, "--creating-seconds", creating, "--quota", quotas, "--poll-seconds", poll)
        try:
            began = time.monotonic()
            names = [f"c{number}" for number in range(clusters)]
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(post, names))
            assert answers == [202] * clusters
            print(f"accepted: {clusters} clusters in {time.monotonic() - began:.1f} s")
            while waiting(clusters) < clusters:
                time.sleep(2)
                if time.monotonic() - began > float(creating):
                    sys.exit("the first cluster was available before the last one was being created: more seconds")
            print(f"all {clusters} wait for their cluster after {time.monotonic() - began:.1f} s")
            calls, turns, _ = figures()
            window = 30.0
            time.sleep(window)
            calls_after, turns_after, statuses = figures()
            print(f"in {window:.0f} s of waiting: {calls_after - calls:.0f} calls of DescribeClusters, "
                  f"{turns_after - turns:.0f} turns; unfinished {statuses}")
            print(f"threads {threads(process)}, resident memory {memory_mib(process):.0f} MiB")
            while available() < clusters:
                time.sleep(2)
                if time.monotonic() - began > float(creating) * 4 + 600:
                    sys.exit(f"only {available()} of {clusters} became available")
            calls, turns, _ = figures()
            print(f"all {clusters} available after {time.monotonic() - began:.1f} s; {calls:.0f} calls of "
                  f"DescribeClusters and {turns:.0f} turns in all")
        finally:
            stop(process)


main()
