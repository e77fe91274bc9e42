#!/usr/bin/env python3
"""Measures the hot paths against what PostgreSQL itself reaches, in one run.

Starts a durable PostgreSQL in a temporary directory, and `serve` with an AWS sandbox of its own on loopback. Needs wrk
and PostgreSQL with its contrib extensions (Debian: wrk postgresql); PG_BIN names its directory. Prints a table:

- accept:  durable creates per second with an idempotency key each, as a share of pgbench with one statement (sql/), and
           statements per request, counted by pg_stat_statements
- directory: the same with a directory of 100 policies
- read:    reads per second, as a share of pgbench with one join
- claims:  the claim of an operation with 100,000 waiting and 1,000,000 finished ones, beside a new database
- noops:   turns without AWS: releases of clusters, each one turn that ends an operation, by 8 loops
- turns:   clusters requested at once until all are available; one create, request to available
- idle:    statements per second, resident memory, start to ready

The HTTP client is wrk, on the same processors. Compare the shares of one run, not runs.
"""

import argparse
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SQL = Path(__file__).parent / "sql"
WRK = Path(__file__).parent / "wrk"
CLAIM = Path(__file__).parent.parent / "src" / "store" / "sql" / "claims.sql"
SETTINGS = {
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    # Plans must be right on tables that were never analysed.
    "autovacuum": "off",
    "shared_preload_libraries": "pg_stat_statements",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}
CLUSTER = {
    "node_type": "dax.t3.small",
    "replication_factor": 1,
    "service_role": {"access": "read_write", "tables": ["Orders", "Customers"]},
    "tags": {"team": "orders"},
}

SECTIONS = ["accept", "directory", "read", "claims", "noops", "turns", "idle"]
RELEASES = 4_000
NEW = {"RUN": "n", "CLUSTER": json.dumps(CLUSTER)}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """A durable server, run as the user postgres by root."""

    def __init__(self, folder):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
        self.bin = Path(os.environ.get("PG_BIN") or found[-1])
        # The server's own directory: the service keeps private files only where no other user can write.
        folder = Path(folder) / "postgres"
        folder.mkdir()
        self.port, self.data = free_port(), folder / "pg"
        self.owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.owner:
            shutil.chown(folder, "postgres")
            folder.parent.chmod(0o711)
        run = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
        init = [self.bin / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run([*self.owner, *init], **run)
        with open(self.data / "postgresql.conf", "a") as config:
            for name, value in {**SETTINGS, "port": self.port}.items():
                config.write(f"{name} = '{value}'\n")
        start = [self.bin / "pg_ctl", "-D", self.data, "-l", f"{folder}/pg.log", "-w", "start"]
        subprocess.run([*self.owner, *start], **run)
        self.pid = int((self.data / "postmaster.pid").read_text().split()[0])
        self.sql("create extension pg_stat_statements")

    def url(self, database):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def sql(self, text, database="postgres"):
        command = [self.bin / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", text]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def new(self, database):
        self.sql(f"drop database if exists {database} with (force)")
        self.sql(f"create database {database}")
        self.sql("checkpoint")

    def pgbench(self, script, clients, seconds, database="floor", **variables):
        """Transactions per second and the 99th percentile in ms."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "script.sql"
            path.write_text(script)
            command = [self.bin / "pgbench", "-n", "-M", "prepared", "-D", "n=0", "-c", str(clients), "-T", str(seconds)]
            command += [f"-D{name}={value}" for name, value in variables.items()]
            command += ["-l", "--log-prefix", f"{folder}/log", "-f", path, self.url(database)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
            times = [int(line.split()[2]) for log in glob.glob(f"{folder}/log*") for line in open(log)]
        return float(re.search(r"tps = ([\d.]+)", done.stdout)[1]), percentile(times) / 1e3

    def statements(self, database):
        """Calls and time in ms of the service's statements since the last reset, and those that took most time."""
        where = f"from pg_stat_statements where dbid = (select oid from pg_database where datname = '{database}')"
        calls, ms = self.sql(f"select sum(calls), sum(total_exec_time) {where}").split("|")
        top = self.sql(
            f"select calls, round(mean_exec_time::numeric, 3), left(regexp_replace(query, '\\s+', ' ', 'g'), 70) {where}"
            " order by total_exec_time desc limit 6"
        )
        return float(calls or 0), float(ms or 0), top

    def forget_statements(self):
        self.sql("select pg_stat_statements_reset()")

    def stop(self):
        os.kill(self.pid, signal.SIGINT)
        subprocess.run(["tail", f"--pid={self.pid}", "-f", "/dev/null"], timeout=60)


def percentile(values, share=0.99):
    return sorted(values)[int((len(values) - 1) * share)] if values else float("nan")


def load(port, clients, seconds, script, **environment):
    """A run of wrk: requests per second, the 99th percentile in ms, and the number of requests."""
    environment = {**os.environ, "REPORT": str(WRK / "report.lua"), **environment}
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s", "-s", str(WRK / script), f"http://127.0.0.1:{port}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    result = re.search(r"^RESULT (\d+) (\d+) (\S+) (\S+)$", done.stdout, re.M)
    if done.returncode or not result or int(result[2]):
        sys.exit(done.stdout + done.stderr)
    return int(result[1]) / float(result[3]), float(result[4]), int(result[1])


def exchange(port, path, body=None, key=None):
    """The status and the body of the answer to a GET, or to a POST with a body."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"content-type": "application/json", **({"idempotency-key": key} if key else {})}
    connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    status, content = answer.status, answer.read()
    connection.close()
    return status, json.loads(content or b"null")


def create(port, name):
    """The operation that creates the cluster."""
    return exchange(port, "/v1/clusters", {"name": name, **CLUSTER}, name)[1]


class Service:
    def __init__(self, binary, url, folder, *arguments):
        self.port = free_port()
        listen = ["--listen", f"127.0.0.1:{self.port}", "--authentication", "off", *arguments]
        environment = {**os.environ, "DATABASE_URL": url, "AWS_EC2_METADATA_DISABLED": "true"}
        log = open(Path(folder) / "service.log", "w")
        began = time.monotonic()
        self.process = subprocess.Popen([binary, "serve", *listen], env=environment, stdout=log, stderr=log)
        while True:
            try:
                if exchange(self.port, "/readyz")[0] == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - began > 60:
                sys.exit(Path(log.name).read_text())
            time.sleep(0.005)
        self.ready = time.monotonic() - began

    def memory(self):
        """Resident memory, and the part that is no file: the rest is pages of the binary."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        all_pages, anonymous = (int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024 for name in ("VmRSS", "RssAnon"))
        return f"{all_pages:.0f} MiB", f"{anonymous:.0f} MiB anonymous"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


class Bench:
    def __init__(self, binary, seconds, creates, folder):
        self.binary, self.seconds, self.creates, self.folder = os.path.abspath(binary), seconds, creates, folder
        self.postgres, self.names = Postgres(folder), 0
        self.runs = 0

    def row(self, name, value, note=""):
        print(f"{name:44} {value:>14}  {note}", flush=True)

    def service(self, *arguments):
        """The service on a new database."""
        self.runs += 1
        self.database = f"service_{self.runs}"
        self.postgres.new(self.database)
        url = self.postgres.url(self.database)
        subprocess.run([self.binary, "migrate"], env={**os.environ, "DATABASE_URL": url}, check=True, stdout=subprocess.DEVNULL)
        return self.restarted(*arguments)

    def restarted(self, *arguments):
        """The service on the database of the last one."""
        url = self.postgres.url(self.database)
        states = [f"--{name}-seconds=0" for name in ("creating", "deleting", "modifying", "rebooting", "propagation")]
        # A directory of its own for each sandbox: a new account.
        data = Path(self.folder) / self.database
        quotas = ["--quota", "nodes=100000,roles=100000,policies=100000,clusters=100000,parameter_groups=100000,subnet_groups=100000"]
        return Service(self.binary, url, self.folder, "--sandbox", f"--data-dir={data}", *states, *quotas, *arguments)

    def floor(self, script, clients):
        self.postgres.new("floor")
        subprocess.run([self.postgres.bin / "psql", "-Xq", "-d", self.postgres.url("floor"), "-f", SQL / "floor_schema.sql"], check=True)
        return self.postgres.pgbench(script, clients, self.seconds)

    def accept(self):
        for clients in (32, 4):
            floor, floor_p99 = self.floor((SQL / "floor_accept.sql").read_text(), clients)
            # Without workers: the rate of acceptance alone.
            service = self.service("--role", "api")
            create(service.port, "first")
            self.postgres.forget_statements()
            rate, p99, requests = load(service.port, clients, self.seconds, "accept.lua", **NEW)
            calls, _, top = self.postgres.statements(self.database)
            service.stop()
            self.row(f"accept, {clients} clients: pgbench, one statement", f"{floor:.0f}/s", f"p99 {floor_p99:.1f} ms")
            self.row(f"accept, {clients} clients: service", f"{rate:.0f}/s", f"p99 {p99:.1f} ms, {rate / floor:.2f} of pgbench")
            self.row(f"accept, {clients} clients: statements per request", f"{calls / requests:.2f}")
            print(top)

    def organisation(self):
        """A directory with the built-in policies and limits, 100 policies together."""
        folder = Path(self.folder) / "organisation"
        (folder / "policies").mkdir(parents=True, exist_ok=True)
        target = '[targets.default]\nregion = "us-east-1"\npermissions_boundary = "none"\n'
        (folder / "organisation.toml").write_text(target)
        built_in = subprocess.run([self.binary, "organisation", "defaults"], capture_output=True, text=True, check=True).stdout
        (folder / "policies" / "built_in.cedar").write_text(built_in)
        actions = ["create_cluster", "update_cluster", "scale_cluster"]
        limits = [
            f'@id("limit-{n}") @advice("ask") forbid (principal, action == Action::"{actions[n % 3]}", resource in Project::"p{n}") '
            f'when {{ context.replication_factor > {n} || context.node_type like "dax.r{n}*" }};'
            for n in range(100 - built_in.count("@id("))
        ]
        (folder / "policies" / "limits.cedar").write_text("\n".join(limits))
        return folder

    def directory(self):
        floor, _ = self.floor((SQL / "floor_accept.sql").read_text(), 32)
        service = self.service("--role", "api", f"--organisation={self.organisation()}")
        create(service.port, "first")
        rate, p99, _ = load(service.port, 32, self.seconds, "accept.lua", **NEW)
        service.stop()
        self.row("accept, 32 clients, with 100 policies", f"{rate:.0f}/s", f"p99 {p99:.1f} ms, {rate / floor:.2f} of pgbench")

    def read(self):
        script = (SQL / "floor_accept.sql").read_text()
        self.postgres.new("floor")
        subprocess.run([self.postgres.bin / "psql", "-Xq", "-d", self.postgres.url("floor"), "-f", SQL / "floor_schema.sql"], check=True)
        self.postgres.pgbench(script, 1, 2)
        floor, _ = self.postgres.pgbench((SQL / "floor_read.sql").read_text(), 32, self.seconds)
        service = self.service("--role", "api")
        ids = [create(service.port, f"r{number}")["id"] for number in range(200)]
        paths = {
            "GET of an operation": [f"/v1/operations/{one}" for one in ids],
            "GET of a cluster": [f"/v1/clusters/r{number}" for number in range(200)],
            "list of 100 clusters": ["/v1/clusters?limit=100"],
        }
        self.row("read, 32 clients: pgbench, one join", f"{floor:.0f}/s")
        for name, wanted in paths.items():
            exchange(service.port, wanted[0])
            self.postgres.forget_statements()
            rate, p99, requests = load(service.port, 32, self.seconds, "read.lua", PATHS=" ".join(wanted))
            calls, _, _ = self.postgres.statements(self.database)
            note = f"p99 {p99:.1f} ms, {rate / floor:.2f} of pgbench, {calls / requests:.2f} statements a request"
            self.row(f"{name}, 32 clients", f"{rate:.0f}/s", note)
        service.stop()

    def claims(self):
        """The product's statement, by pgbench: a claimed operation is due again at once."""
        service = self.service("--role", "api")
        create(service.port, "first")
        service.stop()
        kinds, steps = self.postgres.sql("select array_agg(distinct kind), array_agg(distinct name) from operation_steps, operations", self.database).split("|")
        claim = re.sub(r"\$(\d)", r":p\1", re.sub(r"^--.*$|[!?](?=\")", "", CLAIM.read_text(), flags=re.M))
        variables = {"p1": "bench", "p2": "0", "p3": kinds, "p4": steps, "p5": "99", "p6": "-", "p7": "0", "p8": "default", "p9": "1"}
        for waiting, finished in ((100, 0), (100_000, 1_000_000)):
            self.copy_operations(waiting, wake_at="now()", lane="0")
            self.copy_operations(finished, status="'succeeded'", finished_at="now()", wake_at="'infinity'", current_step="null")
            self.postgres.sql("checkpoint")
            rate, p99 = self.postgres.pgbench(claim, 8, self.seconds, self.database, **variables)
            self.row(f"claim: {waiting} waiting, {finished} finished", f"{rate:.0f}/s", f"p99 {p99:.1f} ms, 8 connections")

    def copy_operations(self, count, **changes):
        """Adds operations like the first one but for these columns, of 50 callers."""
        fields = ", ".join(f"'{name}', {value}" for name, value in changes.items())
        self.postgres.sql(
            f"""insert into operations select r.* from (select o from operations o limit 1) as one (o), generate_series(1, {count}) as n,
                lateral jsonb_populate_record(one.o, jsonb_build_object('id', gen_random_uuid(), 'cluster_id', gen_random_uuid(),
                    'cluster_name', 'c{count}-' || n, 'requested_by', 'token:' || n % 50, {fields})) as r""",
            self.database,
        )

    def noops(self):
        service = self.service()
        self.until_available(service, [create(service.port, "first")["id"]], 0.01)
        service.stop()
        self.postgres.sql(
            f"""insert into clusters select r.* from (select c from clusters c) as one (c), generate_series(1, {RELEASES}) as n,
                lateral jsonb_populate_record(one.c, jsonb_build_object('id', gen_random_uuid(), 'name', 'n' || n)) as r""",
            self.database,
        )
        service = self.restarted("--role", "api")
        paths = [f"/v1/clusters/n{number}/release" for number in range(1, RELEASES + 1)]
        with ThreadPoolExecutor(16) as clients:
            statuses = set(clients.map(lambda path: exchange(service.port, path, {}, path)[0], paths))
        service.stop()
        if statuses != {202}:
            sys.exit(f"releases were answered with {statuses}")
        releases = "kind = 'release_cluster'"
        # The releases become due after the worker's first poll, which reads all these clusters and is no part of a turn.
        self.postgres.sql(f"update operations set wake_at = now() + interval '6 s' where {releases}", self.database)
        self.postgres.sql("checkpoint")
        service = self.restarted("--role", "worker", "--worker-loops", "8", "--poll-seconds=300")
        time.sleep(3)
        self.postgres.forget_statements()
        while self.postgres.sql(f"select count(*) from operations where {releases} and finished_at is null", self.database) != "0":
            time.sleep(0.5)
        service.stop()
        elapsed = "extract(epoch from max(finished_at) - min(started_at))"
        seconds = float(self.postgres.sql(f"select {elapsed} from operations where {releases}", self.database))
        calls, _, top = self.postgres.statements(self.database)
        note = f"8 loops, {calls / RELEASES:.1f} statements each"
        self.row(f"{RELEASES} turns without AWS", f"{RELEASES / seconds:.0f}/s", note)
        print(top)

    def turns(self):
        service = self.service()
        alone = []
        for number in range(5):
            began = time.monotonic()
            operation = create(service.port, f"one{number}")
            self.until_available(service, [operation["id"]], 0.002)
            alone.append(time.monotonic() - began)
        self.row("one create, request to available", f"{statistics.median(alone):.3f} s", f"of {len(alone)}")
        self.postgres.forget_statements()
        began = time.monotonic()
        ids = [create(service.port, f"m{number}")["id"] for number in range(self.creates)]
        self.until_available(service, ids, 0.2)
        elapsed = time.monotonic() - began
        calls, _, top = self.postgres.statements(self.database)
        self.row(f"{self.creates} creates to available", f"{self.creates / elapsed:.1f}/s", f"{calls / self.creates:.1f} statements each, with the reads of this client")
        print(top)
        self.row("memory after that", *service.memory())
        service.stop()

    def idle(self):
        # The poll interval of real AWS; the sandbox is polled every 0.2 s.
        service = self.service("--poll-seconds=15")
        time.sleep(2)
        self.postgres.forget_statements()
        time.sleep(10)
        calls, _, _ = self.postgres.statements(self.database)
        self.row("idle statements", f"{calls / 10:.1f}/s")
        self.row("idle memory", *service.memory())
        self.row("start to ready", f"{service.ready:.2f} s")
        service.stop()

    def until_available(self, service, ids, pause):
        left = list(ids)
        while left:
            _, operation = exchange(service.port, f"/v1/operations/{left[-1]}")
            if operation["status"] == "succeeded":
                left.pop()
            elif operation["status"] in ("pending", "running"):
                time.sleep(pause)
            else:
                sys.exit(json.dumps(operation, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="a release build of dax-provisioner")
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all if none is named")
    parser.add_argument("--seconds", type=int, default=8, help="length of a load (default 8)")
    parser.add_argument("--creates", type=int, default=500, help="clusters requested at once (default 500)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        bench = Bench(options.binary, options.seconds, options.creates, folder)
        try:
            for section in options.sections or SECTIONS:
                getattr(bench, section)()
        finally:
            bench.postgres.stop()


if __name__ == "__main__":
    main()
