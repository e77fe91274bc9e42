#!/usr/bin/env python3
"""Upgrades from the previous release under load, goes back, and upgrades again.

usage: tests/operators/upgrade.py PATH_OF_THE_BINARY PATH_OF_THE_PREVIOUS_BINARY

Two replicas of the previous release work; clients create and delete clusters through both. Then the new `migrate` is
killed at several moments, and applied twice; each replica is replaced by the new release, then by the previous one, then
by the new one. A client that gets no connection or a 503 repeats the request, with its key, at the other replica. No
other failure may occur, every operation must succeed, and nothing may be left in AWS.
"""

import collections
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import lab

CLIENTS = 6
PHASE = 6.0


class Client(threading.Thread):
    """Creates a cluster and deletes it, again and again."""

    def __init__(self, number, replicas):
        super().__init__()
        self.number, self.replicas, self.stopped = number, replicas, threading.Event()
        self.answers, self.failures, self.done = collections.Counter(), [], 0

    def run(self):
        try:
            for count in itertools.count():
                if self.stopped.is_set():
                    return
                self.life(f"u{self.number}-{count}")
        except Exception as error:
            self.failures.append(repr(error))

    def life(self, name):
        body = {"name": name, "node_type": "dax.t3.small", "replication_factor": 1}
        body |= {"service_role": {"access": "read_only", "tables": ["Orders"]}}
        self.ends(self.send("POST", "/v1/clusters", body, f"create-{name}"), name)
        self.ends(self.send("DELETE", f"/v1/clusters/{name}", None, f"delete-{name}"), name)
        self.done += 1

    def ends(self, operation, name):
        end = time.monotonic() + 60
        while operation["status"] not in ("succeeded", "failed", "cancelled", "blocked"):
            if time.monotonic() > end:
                raise AssertionError(f"{name}: {operation}")
            time.sleep(0.1)
            operation = self.send("GET", f"/v1/operations/{operation['id']}")
        if operation["status"] != "succeeded":
            raise AssertionError(f"{name}: {operation}")

    def send(self, method, path, body=None, key=None):
        """The body of an answer of 2xx, from one replica or the other."""
        end = time.monotonic() + 60
        for replica in itertools.cycle([0, 1]):
            headers = {"content-type": "application/json", **({"idempotency-key": key} if key else {})}
            data = None if body is None else json.dumps(body).encode()
            url = self.replicas[replica].url + path
            request = urllib.request.Request(url, data=data, headers=headers, method=method)
            try:
                with lab.OPENER.open(request, timeout=30) as response:
                    self.answers[str(response.status)] += 1
                    return json.loads(response.read())
            except urllib.error.HTTPError as error:
                self.answers[str(error.code)] += 1
                if error.code != 503 or "retry-after" not in error.headers:
                    raise AssertionError(f"{method} {path}: {error.code} {error.read()}") from None
            except OSError:
                self.answers["no connection"] += 1
            if time.monotonic() > end:
                raise AssertionError(f"{method} {path}: no answer")
            time.sleep(0.05)


class Fleet:
    """Two replicas, of one release or the other."""

    def __init__(self, work, database, aws):
        self.work, self.database, self.aws, self.replicas = work, database, aws, []

    def start(self, binary):
        return lab.Service(binary, self.work, self.database, self.aws, "--worker-loops", "4").ready()

    def replace(self, place, binary):
        # The new one is ready before the old one ends, as in a rolling deployment.
        new, old = self.start(binary), self.replicas[place]
        self.replicas[place] = new
        old.stop()
        assert old.process.returncode == 0, old.log.read_text()


def interrupted(binary, url, milliseconds):
    """Kills `migrate` after a time. Returns whether it had not ended."""
    environment = {**os.environ, "DATABASE_URL": url}
    process = subprocess.Popen([binary, "migrate"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(milliseconds / 1e3)
    is_running = process.poll() is None
    process.kill()
    process.wait()
    return is_running


def migrate(binary, server):
    applied = lambda: int(server.sql("select count(*) from _sqlx_migrations where success"))
    before, killed = applied(), 0
    for milliseconds in (10, 20, 30, 40, 50, 60):
        killed += interrupted(binary, server.url("dax_owner"), milliseconds)
    for _ in range(2):
        status, output = lab.migrate(binary, server.url("dax_owner"))
        assert status == 0, output
    print(f"{applied() - before} migrations, killed {killed} times and applied twice")


def check(new, previous, bin_dir, work):
    sandbox = ["--creating-seconds", "0.3", "--deleting-seconds", "0.3", "--quota", "nodes=1000"]
    with lab.Sandbox(new, work, *sandbox) as aws, lab.Postgres(bin_dir, lab.sub_directory(work, "pg")) as server:
        assert lab.migrate(previous, server.url("dax_owner"))[0] == 0
        fleet = Fleet(work, server.url(), aws.url)
        fleet.replicas += [fleet.start(previous), fleet.start(previous)]
        clients = [Client(number, fleet.replicas) for number in range(CLIENTS)]
        try:
            for client in clients:
                client.start()
            time.sleep(PHASE / 2)
            migrate(new, server)
            time.sleep(PHASE / 2)
            for name, binary in (("upgraded", new), ("went back", previous), ("upgraded", new)):
                before = sum(client.done for client in clients)
                for place in (0, 1):
                    fleet.replace(place, binary)
                    time.sleep(PHASE)
                print(f"{name}: {sum(client.done for client in clients) - before} clusters were created and deleted during it")
            for client in clients:
                client.stopped.set()
            for client in clients:
                client.join()
        finally:
            for client in clients:
                client.stopped.set()
            for replica in fleet.replicas:
                replica.stop()
        answers = sum((client.answers for client in clients), collections.Counter())
        print(f"answers: {dict(answers)}")
        failures = [failure for client in clients for failure in client.failures]
        assert not failures, failures
        assert sum(client.done for client in clients) >= 50, "too little happened"
        unfinished = server.sql("select count(*) from operations where status <> 'succeeded'")
        assert unfinished == "0", unfinished
        left = aws.read("inventory")
        made = [item["name"] for kind in ("roles", "policies") for item in left[kind] if item["name"].startswith("dax-")]
        assert not left["clusters"] and not made, left


def main():
    new, previous = (Path(argument).resolve() for argument in sys.argv[1:3])
    bin_dirs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not bin_dirs:
        print("not checked: PostgreSQL is not installed")
        return
    work = lab.directory()
    check(new, previous, bin_dirs[-1], work)
    shutil.rmtree(work)
    print("upgraded, back and upgraded without a failed request")


if __name__ == "__main__":
    main()
