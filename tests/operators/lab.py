"""PostgreSQL servers, the service and the sandbox as processes on loopback, for the checks in this folder."""

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "docker/roles.sql"
PASSWORD = "secret"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def account():
    """Who runs PostgreSQL and pgbouncer: they refuse root."""
    if os.getuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise SystemExit("not checked: no account can run PostgreSQL") from None
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def own(path):
    found = account()
    if found:
        shutil.chown(path, found["user"], found["group"])


def wait_for(probe, what, seconds=60):
    """Waits until `probe` returns something, and returns it."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = probe()
        except (OSError, subprocess.CalledProcessError):
            found = None
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not after {seconds} s")
        time.sleep(0.05)


class Process:
    """A process that ends together with this value."""

    def __init__(self, command, log, **options):
        self.log = Path(log)
        self.process = subprocess.Popen(command, stdout=open(log, "wb"), stderr=subprocess.STDOUT, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, kill=False):
        if self.process.poll() is None:
            self.process.kill() if kill else self.process.terminate()
            self.process.wait(60)

    def word(self, pattern):
        """Waits for a line of the log, and returns the group of the pattern."""

        def found():
            match = re.search(pattern, self.log.read_text())
            if not match and self.process.poll() is not None:
                raise AssertionError(f"{self.process.args[0]} ended:\n{self.log.read_text()}")
            return match and match[1]

        return wait_for(found, pattern)


class Postgres(Process):
    """A server on a port of loopback. The roles of docker/roles.sql have the password of all."""

    def __init__(self, bin_dir, directory, options=(), existing=False, roles=True):
        self.bin_dir, self.directory, self.port = Path(bin_dir), Path(directory), free_port()
        self.data = self.directory / "data"
        if not existing:
            own(self.directory)
            password = self.directory / "password"
            password.write_text(PASSWORD)
            own(password)
            initdb = [self.bin_dir / "initdb", "-D", self.data, "-U", "postgres", f"--pwfile={password}"]
            initdb += ["--auth=scram-sha-256", "-E", "UTF8", "--locale=C"]
            subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **account())
        command = [self.bin_dir / "postgres", "-D", self.data, "-p", str(self.port), "-k", self.directory]
        for option in ("listen_addresses=127.0.0.1", *options):
            command += ["-c", option]
        super().__init__(command, self.directory.parent / f"{self.directory.name}.log", cwd="/", **account())
        wait_for(lambda: self.sql("select 1"), f"PostgreSQL in {bin_dir}")
        if roles and not existing:
            run_sql(self.url("postgres"), ROLES.read_text())
            for role in ("dax_owner", "dax_app"):
                self.sql(f"alter role {role} password '{PASSWORD}'")

    def stop(self, kill=False):
        # SIGINT is PostgreSQL's fast shutdown.
        if self.process.poll() is None and not kill:
            self.process.send_signal(2)
            self.process.wait(60)
        super().stop(kill)

    def url(self, role="dax_app", port=None, parameters=""):
        return f"postgres://{role}:{PASSWORD}@127.0.0.1:{port or self.port}/postgres{parameters}"

    def sql(self, statement):
        return run_sql(self.url("postgres"), statement)


def run_sql(url, statements):
    command = ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", url]
    done = subprocess.run(command, input=statements, capture_output=True, text=True)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, "psql", done.stdout, done.stderr)
    return done.stdout.strip()


def migrate(binary, url, *options):
    environment = {**os.environ, "DATABASE_URL": url}
    done = subprocess.run([binary, "migrate", *options], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


class Sandbox(Process):
    """The sandbox as a process of its own, so that it outlives databases and services."""

    def __init__(self, binary, directory, *options):
        command = [binary, "sandbox", "--port", "0", "--propagation-seconds", "0", *options]
        super().__init__(command, Path(directory) / "sandbox.log")
        self.url = self.word(r"(http://127\.0\.0\.1:\d+)")

    def read(self, path):
        return json.load(OPENER.open(f"{self.url}/_sandbox/{path}", timeout=10))


class Service(Process):
    """One process of the service."""

    def __init__(self, binary, directory, url, aws, *options):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--aws-endpoint", aws]
        command += ["--authentication", "off", "--poll-seconds", "0.2", *options]
        environment = {**os.environ, "DATABASE_URL": url, "AWS_EC2_METADATA_DISABLED": "true"}
        super().__init__(command, Path(directory) / f"service-{self.port}.log", env=environment)

    def ready(self, seconds=60):
        def is_ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended:\n{self.log.read_text()}")
            return self.call("GET", "/readyz")[0] == 200

        wait_for(is_ready, "ready", seconds)
        return self

    def call(self, method, path, body=None):
        """Status and body of an answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with OPENER.open(request, timeout=30) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def create(self, name, **more):
        body = {"name": name, "node_type": "dax.t3.small", "replication_factor": 1}
        body |= {"service_role": {"access": "read_only", "tables": ["Orders"]}, **more}
        status, operation = self.call("POST", "/v1/clusters", body)
        assert status == 202, operation
        return operation["id"]

    def delete(self, name):
        status, operation = self.call("DELETE", f"/v1/clusters/{name}")
        assert status == 202, operation
        return operation["id"]

    def succeeded(self, operation, seconds=60):
        def ended():
            found = self.call("GET", f"/v1/operations/{operation}")[1]
            return found if found["status"] in ("succeeded", "failed", "cancelled", "blocked") else None

        found = wait_for(ended, f"operation {operation}", seconds)
        assert found["status"] == "succeeded", found

    def life(self, name):
        """Creates and deletes a cluster. Returns the seconds that it took."""
        began = time.monotonic()
        self.succeeded(self.create(name))
        self.succeeded(self.delete(name))
        return time.monotonic() - began


def directory():
    """A new directory that every account can enter."""
    path = Path(tempfile.mkdtemp(prefix="dax-provisioner-"))
    path.chmod(0o755)
    return path


def sub_directory(parent, name):
    path = Path(parent) / name
    path.mkdir()
    own(path)
    path.chmod(0o700)
    return path
