#!/usr/bin/env python3
"""Checks the alerts and the dashboard in docker/watching.

usage: tests/operators/watching.py PATH_OF_THE_BINARY

Runs `promtool` on the rules and their tests, and finds a section of docs/operations.md for each alert. Then runs the
service against the sandbox with creates, deletes, failures, a webhook and traces, lets a real Prometheus scrape it, and
runs the query of each panel and each alert. A panel must return data, unless this run cannot make any (`EMPTY`). Without
Prometheus, says that nothing was checked.
"""

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import lab

WATCHING = lab.ROOT / "docker/watching"
PREFIX = "dax_provisioner_"
# Metrics without a sample in this run: nothing is unreadable, no decision fails, no role is assumed, no directory.
EMPTY = {"unreadable_operations_total", "decisions_failed_total", "session_token_utilization_percent", "organisation_valid"}


def check_documents():
    """Each alert has its section, and names only metrics that the service describes."""
    page = (lab.ROOT / "docs/operations.md").read_text()
    described = set(re.findall(rf'"({PREFIX}\w+)"', (lab.ROOT / "src/telemetry.rs").read_text()))
    rules = (WATCHING / "alerts.yaml").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    tested = (WATCHING / "alerts_test.yaml").read_text()
    for alert in alerts:
        section = re.search(rf"^### {alert}\n(.*?)(?=^##|\Z)", page, re.M | re.S)
        assert section, f"docs/operations.md has no section {alert}"
        for part in ("Meaning:", "Look at:", "Do:"):
            assert part in section[1], f"the section {alert} has no {part!r}"
        assert f"#{alert.lower()}" in rules, f"{alert} does not name its section"
        assert tested.count(f'alertname="{alert}", alertstate') >= 2, f"{alert} has no tests"
    for section in re.findall(r"^### (DaxProvisioner\w+)$", page, re.M):
        assert section in alerts, f"docs/operations.md describes {section}, which is no alert"
    used = set()
    for text in (rules, (WATCHING / "dashboard.json").read_text()):
        for name in re.findall(rf"\b{PREFIX}\w+", text):
            base = re.sub(r"_(bucket|count|sum)$", "", name)
            assert base in described or name in described, f"{name} is no metric of the service"
            used.add(base)
    unused = described - used
    assert not unused, f"neither an alert nor a panel shows {sorted(unused)}"
    print(f"{len(alerts)} alerts, each with two tests and a section; {len(used)} metrics are used, none is unknown")


def check_rules():
    for command in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]):
        done = subprocess.run(["promtool", *command], cwd=WATCHING, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


class Prometheus(lab.Process):
    """Prometheus with the shipped configuration, on another port and more often."""

    def __init__(self, work, target):
        self.port = lab.free_port()
        shutil.copy(WATCHING / "alerts.yaml", work)
        configuration = (WATCHING / "prometheus.yaml").read_text()
        configuration = configuration.replace("127.0.0.1:8080", target).replace("15s", "1s")
        (work / "prometheus.yaml").write_text(configuration)
        command = ["prometheus", f"--config.file={work}/prometheus.yaml", f"--storage.tsdb.path={work}/metrics"]
        super().__init__([*command, f"--web.listen-address=127.0.0.1:{self.port}"], work / "prometheus.log")

    def query(self, expression):
        query = urllib.parse.urlencode({"query": expression})
        answer = lab.OPENER.open(f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=10)
        return json.load(answer)["data"]["result"]

    def alerts(self):
        answer = lab.OPENER.open(f"http://127.0.0.1:{self.port}/api/v1/rules", timeout=10)
        return [rule for group in json.load(answer)["data"]["groups"] for rule in group["rules"]]


def work_on(service, round):
    """Something of each kind that the panels show."""
    name = f"orders-{round}"
    service.succeeded(service.create(name))
    service.succeeded(service.delete(name))
    # DAX knows no such subnet, so this create fails.
    failing = service.create(f"lost-{round}", subnet_group={"subnet_ids": ["subnet-00000000000000000"]})
    service.call("GET", f"/v1/operations/{failing}")
    service.call("GET", "/v1/clusters")


def check_panels(prometheus):
    dashboard = json.loads((WATCHING / "dashboard.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    lines, missing = [], []
    for panel in panels:
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "30s").replace("[1h]", "[2m]")
            found = prometheus.query(expression)
            values = [float(sample["value"][1]) for sample in found]
            shown = ", ".join(f"{value:.3g}" for value in values[:4])
            lines.append(f"  {panel['title']}: {target['legendFormat']}: {len(found)} series: {shown}")
            names = {name.removeprefix(PREFIX) for name in re.findall(rf"{PREFIX}\w+", expression)}
            if not found and not names & EMPTY:
                missing.append(lines[-1])
    print("\n".join(lines))
    assert not missing, "panels without data:\n" + "\n".join(missing)
    empty = sum(": 0 series" in line for line in lines)
    print(f"{len(lines)} queries of {len(panels)} panels: {len(lines) - empty} returned data, {empty} have none in such a run")


def main():
    binary = Path(sys.argv[1]).resolve()
    check_documents()
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        print("not checked: prometheus is not installed (Debian's package prometheus)")
        return
    check_rules()
    bin_dirs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not bin_dirs or not shutil.which("psql"):
        print("not checked: PostgreSQL or psql is not installed")
        return
    work = lab.directory()
    key = work / "secrets.key"
    key.write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    key.chmod(0o600)
    options = ["--secrets-key-file", key, "--webhook-allow-network", "127.0.0.1/32"]
    options += ["--otlp-endpoint", "http://127.0.0.1:1"]
    with lab.Postgres(bin_dirs[-1], lab.sub_directory(work, "pg")) as server, \
            lab.Sandbox(binary, work, "--creating-seconds", "0.3", "--deleting-seconds", "0.2") as aws:
        assert lab.migrate(binary, server.url("dax_owner"))[0] == 0
        with lab.Service(binary, work, server.url(), aws.url, *options).ready() as service, \
                Prometheus(work, f"127.0.0.1:{service.port}") as prometheus:
            status, webhook = service.call("POST", "/v1/webhooks", {"url": "https://127.0.0.1:1/", "events": ["*"]})
            assert status == 201, webhook
            lab.wait_for(lambda: prometheus.query(f"{PREFIX}build_info"), "the first scrape")
            began = time.monotonic()
            for round in range(12):
                work_on(service, round)
                time.sleep(max(0, 2.5 * (round + 1) - (time.monotonic() - began)))
            # The gauges of the installation are refreshed every 15 s.
            time.sleep(max(0, 35 - (time.monotonic() - began)))
            check_panels(prometheus)
            rules = prometheus.alerts()
            assert rules and all(rule["health"] == "ok" for rule in rules), rules
            active = sorted(rule["name"] for rule in rules if rule["state"] != "inactive")
            print(f"Prometheus evaluated {len(rules)} alerts; active in this run: {', '.join(active) or 'none'}")
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
