#!/usr/bin/env python3
"""Restores a backup that was taken under load, and checks what the service does with effects newer than the backup.

usage: tests/operators/restore.py PATH_OF_THE_BINARY

Two times: with a base backup (pg_basebackup with its WAL), and with a dump (pg_dump), which was restored on a new server.
While clusters are created, the backup is taken; then clusters are created, deleted, deleted and created again, and
scaled. The service is killed and the database is lost. After the restore AWS is ahead of the database. Nothing that the
backup does not know is deleted, also not by name: it is listed as orphans, and can be adopted. Needs PostgreSQL's client
programs.
"""

import collections
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import lab

WAL = ["wal_level=replica", "max_wal_senders=4"]
BEFORE = ["kept", "scaled", "gone", "reborn"]
AFTER = ["late-0", "late-1", "late-2"]


class Load:
    """Creates clusters, one after the other, until it is stopped. A 503, during a checkpoint, counts as none."""

    def __init__(self, service):
        self.service, self.operations, self.refused, self.stopped = service, {}, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped.wait(0.1):
            name = f"load-{len(self.operations) + self.refused}"
            try:
                self.operations[name] = self.service.create(name)
            except AssertionError as refused:
                assert "'code': 'unavailable'" in str(refused), refused
                self.refused += 1

    def stop(self):
        self.stopped.set()
        self.thread.join()
        return self.operations


def back_up(kind, server, work):
    """Takes a backup, and returns its path."""
    backup = lab.sub_directory(work, f"backup-{kind}")
    if kind == "pg_basebackup":
        command = ["pg_basebackup", "-d", server.url("postgres"), "-D", backup / "data", "-X", "stream", "-c", "fast"]
        subprocess.run(command, check=True, cwd="/", **lab.account())
    else:
        subprocess.run(["pg_dump", "-Fc", "-f", backup / "dump", server.url("postgres")], check=True, cwd="/", **lab.account())
    return backup


def restore(kind, bin_dir, backup, work):
    if kind == "pg_basebackup":
        return lab.Postgres(bin_dir, backup, WAL, existing=True)
    server = lab.Postgres(bin_dir, lab.sub_directory(work, "new-server"), WAL)
    command = ["pg_restore", "--exit-on-error", "-d", server.url("postgres"), "--clean", "--if-exists", backup / "dump"]
    subprocess.run(command, check=True)
    return server


def names(items, key="name"):
    return {item[key] for item in items}


def all_of(service, path):
    items, cursor = [], ""
    while True:
        page = service.call("GET", f"{path}?limit=100{cursor}")[1]
        items += page["items"]
        if not page.get("next_cursor"):
            return items
        cursor = f"&cursor={page['next_cursor']}"


def live_through(service, kind, server, work):
    """The history around the backup. Returns the backup, the operations of the load, and the last cursor of the feed."""
    for operation in [service.create(name) for name in BEFORE]:
        service.succeeded(operation)
    load = Load(service)
    time.sleep(1.5)
    backup = back_up(kind, server, work)
    time.sleep(0.5)
    operations = load.stop()
    for operation in [service.delete("gone"), service.delete("reborn")]:
        service.succeeded(operation)
    scaled = service.call("POST", "/v1/clusters/scaled/scale", {"replication_factor": 2})[1]["id"]
    for operation in [scaled, *(service.create(name) for name in (*AFTER, "reborn")), *operations.values()]:
        service.succeeded(operation)
    lab.wait_for(lambda: server.sql("select count(*) from operations where finished_at is null") == "0", "quiet")
    cursor = service.call("GET", "/v1/events?limit=100")[1]["next_cursor"]
    print(f"{kind} under load: {len(operations)} creates were accepted, {load.refused} answered with 503")
    return backup, operations, cursor


def check_restored(service, server, aws, operations, cursor, before):
    # The operations that were in progress in the backup end, by what they find in AWS.
    known = names(all_of(service, "/v1/clusters"))
    in_backup = {name: operation for name, operation in operations.items() if name in known}
    unfinished = server.sql("select count(*) from operations where finished_at is null")
    for operation in in_backup.values():
        service.succeeded(operation)
    lost = sorted((set(operations) - known) | set(AFTER))
    assert in_backup and set(AFTER) <= set(lost), (sorted(known), lost)
    # Several sweeps pass.
    swept = server.sql("select done_at from duties where name = 'sweep'")
    for _ in range(3):
        lab.wait_for(lambda: server.sql("select done_at from duties where name = 'sweep'") not in ("", swept), "a sweep")
        swept = server.sql("select done_at from duties where name = 'sweep'")
    now = aws.read("inventory")
    for kind in before:
        if isinstance(before[kind], list) and before[kind] and isinstance(before[kind][0], dict) and "name" in before[kind][0]:
            missing = names(before[kind]) - names(now[kind])
            assert not missing, f"{kind}: {missing} was deleted after the restore"
    clusters = [cluster["name"] for cluster in now["clusters"]]
    assert len(clusters) == len(set(clusters)) == len(before["clusters"]), "a cluster was made twice"
    orphans = service.call("GET", "/v1/orphans")[1]["items"]
    unknown = [orphan for orphan in orphans if not orphan["ours"]]
    kinds = collections.Counter(orphan["kind"] for orphan in unknown)
    for name in lost:
        own = {orphan["kind"] for orphan in unknown if orphan["name"] == name or f"dax-{name}-" in orphan["name"]}
        assert {"role", "policy", "cluster"} <= own, f"{name}: only {own} is listed"
    print(f"  {unfinished} operations of the backup were unfinished, and all of the backup's {len(in_backup)} under load succeeded")
    print(f"  {len(lost)} clusters are newer than the backup: all exist, all are listed: {dict(kinds)}")
    # What the database says of clusters that changed since.
    drifted = lambda: [drift for drift in [service.call("GET", "/v1/clusters/scaled")[1]["drift"]] if drift["drifted"]]
    print(f"  a scale after the backup is drift: {lab.wait_for(drifted, 'drift')[0]['fields']}")
    missing = lab.wait_for(lambda: service.call("GET", "/v1/clusters/gone")[1]["attention"], "the loss of a cluster")
    print(f"  a cluster that was deleted after the backup: {missing}")
    # A delete by name of a cluster that was deleted and created again does not touch the new one.
    operation = service.delete("reborn")
    ended = lab.wait_for(lambda: ended_or_blocked(service, operation), "the delete of reborn")
    assert "reborn" in names(aws.read("inventory")["clusters"]), "the new cluster was deleted by its name"
    print(f"  the delete of a cluster that was created again ended as {ended['status']}; the new cluster exists")
    service.succeeded(service.delete("gone"))
    adopted = service.call("POST", "/v1/clusters/late-0/adopt", {})
    assert adopted[0] == 202, adopted
    service.succeeded(adopted[1]["id"])
    status, problem = service.call("GET", f"/v1/events?after={cursor}")
    assert (status, problem["code"]) == (410, "cursor_expired"), problem
    print("  a delete of one that was gone succeeded, a newer one was adopted, the old cursor is 410 cursor_expired")


def ended_or_blocked(service, operation):
    found = service.call("GET", f"/v1/operations/{operation}")[1]
    return found if found["status"] in ("succeeded", "failed", "blocked", "cancelled") else None


def check(kind, binary, bin_dir, work):
    options = ["--sweep-seconds", "1"]
    sandbox = ["--creating-seconds", "1", "--deleting-seconds", "0.2", "--quota", "nodes=1000"]
    with lab.Sandbox(binary, work, *sandbox) as aws:
        with lab.Postgres(bin_dir, lab.sub_directory(work, "pg"), WAL) as server:
            assert lab.migrate(binary, server.url("dax_owner"))[0] == 0
            with lab.Service(binary, work, server.url(), aws.url, *options).ready() as service:
                backup, operations, cursor = live_through(service, kind, server, work)
                service.stop(kill=True)
        before = aws.read("inventory")
        with restore(kind, bin_dir, backup, work) as server:
            generation = int(server.sql("select generation from event_numbering"))
            status, output = lab.migrate(binary, server.url("dax_owner"), "--restored")
            assert status == 0, output
            assert int(server.sql("select generation from event_numbering")) == generation + 1
            print(f"{kind}: {output.strip().splitlines()[-1]}")
            with lab.Service(binary, work, server.url(), aws.url, *options).ready() as service:
                check_restored(service, server, aws, operations, cursor, before)


def main():
    binary = Path(sys.argv[1]).resolve()
    bin_dirs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not bin_dirs or not shutil.which("pg_basebackup") or not shutil.which("pg_restore"):
        print("not checked: PostgreSQL or its client programs are not installed")
        return
    for kind in ("pg_basebackup", "pg_dump"):
        work = lab.directory()
        check(kind, binary, bin_dirs[-1], work)
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
