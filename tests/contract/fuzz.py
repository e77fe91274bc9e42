"""Sends generated requests for every operation of the document, valid and invalid, with schemathesis: all its checks,
10,000 cases. No answer may be 5xx, and each finding that is left has its reason here.

usage: fuzz.py BINARY [--cases N]
"""

import argparse
import base64
import collections
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "operators"))
import lab  # noqa: E402

PER_OPERATION = 120

# Findings by code of schemathesis, status and problem code, and why they are right as they are.
REASONS = {
    ("ST108", 200, None): "OpenAPI 3.1 cannot describe one event of a stream; `contentSchema` names its type",
    ("ST201", 413, "body_too_large"): "invalid, and refused before it is read: it is larger than any valid body",
    ("ST203", 428, "precondition_required"): "RFC 6585: the answer to an absent `If-Match`",
    ("ST202", 400, "invalid_request"): "U+0000 in a string, which PostgreSQL cannot store",
    ("ST202", 410, "cursor_expired"): "a cursor is only valid if this service issued it",
    ("ST202", 412, "precondition_failed"): "an entity tag is only valid if it is the current one",
    ("ST202", 422, "idempotency_key_reused"): "a key is only valid once",
    ("ST202", 422, "target_required"): "depends on the installation",
    ("ST202", 422, "unknown_target"): "the document does not know the targets of an installation",
    ("ST202", 422, "service_role_unspecified"): "depends on the roles of the account",
}

# Rules that a schema does not state, by the code of the field's error and a pattern of its pointer or parameter.
RULES = [
    ("not_offered", ".*", "this build has no lookups; the document is the same in both"),
    ("duplicate", ".*", "`uniqueItems` turns ordered lists into sets in generated clients"),
    ("foreign_arn", ".*", "the document does not know the account"),
    ("exclusive|required", ".*", "`then` of the schema, which generators of requests read in part"),
    ("reserved", "/tags/.*", "the prefixes of tags; the description says so"),
    ("not_supported", "/encryption_at_rest", "depends on the node type"),
    ("invalid_format", "cursor|Last-Event-ID|after", "opaque: only what this service returned is valid"),
    ("invalid_format", "/availability_zones/.*", "the document does not know the Region"),
    ("invalid_format", "(/.*)?/?cidr", "a network in canonical form is no regular expression"),
    ("invalid_format", ".*/description", "printable Latin-1, as in IAM"),
    ("invalid_format", ".*/?maintenance_window", "the length of the window is arithmetic"),
    ("invalid_format", "/tags/.*|tag", "letters of any script: `\\p{L}` is not portable"),
    ("invalid_format|out_of_range", "since|until|(/.*)?/expires_at", "a range of times"),
    ("invalid_format|not_allowed|out_of_range", "/url", "the address and scheme of a webhook"),
    ("out_of_range", ".*/?availability_zones", "as many zones as nodes"),
    ("out_of_range", ".*/service_role/tables/.*", "the name inside an ARN"),
    ("invalid_format", "/service_role/arn", "the path and name inside an ARN"),
    ("invalid_format", "/notification_topic_arn", "the name inside an ARN"),
    ("unknown_node|not_applicable|out_of_range", "/(node_ids|node_ids_to_remove|availability_zones|replication_factor)(/.*)?", "depends on the nodes of the cluster"),
    (".*", "/settings/.*", "the settings of another request, which this schema leaves open"),
]


def findings(report):
    """Number of cases, those without an answer or with a 5xx, and each finding with the body of its answer."""
    cases, broken, found = 0, [], []
    for line in report.read_text().splitlines():
        scenario = json.loads(line).get("ScenarioFinished")
        recorder = (scenario or {}).get("recorder") or {}
        interactions = recorder.get("interactions", {})
        for case in interactions.values():
            cases += 1
            answer = case.get("response")
            if not answer or answer["status_code"] >= 500:
                broken.append((recorder["label"], answer and answer["status_code"], case["request"]["uri"]))
        for case, checks in recorder.get("checks", {}).items():
            for check in checks:
                if check["status"] == "failure":
                    failure = check["failure_info"]["failure"]
                    found.append((failure, interactions[case].get("response")))
    return cases, broken, found


def body_of(answer):
    try:
        body = json.loads(base64.b64decode(answer["content"]["$base64"]))
    except (KeyError, TypeError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def reasons(failure, answer):
    """The reasons of a finding; None for what has none."""
    body = body_of(answer)
    code = body.get("code") if "type" in body else None
    reason = REASONS.get((failure["code"], answer["status_code"], code))
    if reason:
        return [reason]
    if (failure["code"], answer["status_code"], code) != ("ST202", 422, "invalid_request"):
        return [None]
    return [rule(error) for error in body["errors"]]


def rule(error):
    place = error.get("pointer") or error.get("parameter") or ""
    # A plan contains the body of another request.
    place = re.sub("^/(update|scale|reboot|repair|delete)/", "/", place)
    for code, pattern, reason in RULES:
        if re.fullmatch(code, error["code"]) and re.fullmatch(pattern, place, re.DOTALL):
            return reason
    return None


def run(work, url, token):
    packages = work / "packages"
    options = ["--quiet", "--disable-pip-version-check", "--target", packages, "-r", HERE / "requirements.txt"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options], check=True)
    report = work / "report.ndjson"
    command = [packages / "bin/schemathesis", "run", f"{url}/openapi.json", "-H", f"Authorization: Bearer {token}"]
    # The feed's stream never ends. Its answer is what has come until the limit, which counts as an error of the tool.
    command += ["--exclude-operation-id", "stream_events", "--request-timeout", "60", "--no-shrink", "-w", "1"]
    command += ["-c", "all", "-n", str(PER_OPERATION), "--seed", "1", "--continue-on-failure"]
    command += ["--report", "ndjson", "--report-ndjson-path", report]
    environment = {**os.environ, "PYTHONPATH": str(packages), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    # 1 is for findings, which are judged below.
    assert done.returncode in (0, 1), done.stdout[-4000:] + done.stderr[-4000:]
    return report


def judge(report, least):
    cases, broken, found = findings(report)
    counts, unexplained = collections.Counter(), collections.Counter()
    for failure, answer in found:
        for reason in reasons(failure, answer):
            if reason:
                counts[failure["code"], reason] += 1
            else:
                body = body_of(answer)
                errors = [error for error in body.get("errors", []) if not rule(error)]
                detail = json.dumps(errors)[:400] if errors else body.get("detail", "")[:200]
                message = failure["message"].splitlines()[-1]
                unexplained[failure["code"], answer["status_code"], failure["operation"], detail, message[:200]] += 1
    for (code, reason), count in sorted(counts.items()):
        print(f"{count:6} {code} {reason}")
    for finding, count in unexplained.most_common():
        print(f"{count:6} no reason: {' | '.join(map(str, finding))}")
    print(f"{cases} cases, {len(broken)} answers 5xx or none, {len(found)} findings")
    assert not broken, broken[:20]
    assert not unexplained, f"{len(unexplained)} findings without a reason"
    assert cases >= least, f"fewer than {least} cases"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("binary", type=Path)
    arguments.add_argument("--cases", type=int, default=10_000)
    arguments.add_argument("--report", type=Path, help="judge an existing report")
    settings = arguments.parse_args()
    if settings.report:
        return judge(settings.report, settings.cases)
    binary = settings.binary.resolve()
    bins = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not bins or not shutil.which("psql"):
        print("not checked: PostgreSQL or psql is not installed")
        return
    work = lab.directory()
    times = [f"--{name}-seconds=0.5" for name in ("creating", "deleting", "modifying", "rebooting")]
    key = work / "secrets.key"
    key.write_bytes(base64.b64encode(os.urandom(32)))
    key.chmod(0o600)
    with lab.Postgres(bins[-1], lab.sub_directory(work, "pg")) as server:
        status, text = lab.migrate(binary, server.url("dax_owner"))
        assert status == 0, text
        environment = {**os.environ, "DATABASE_URL": server.url(), "AWS_EC2_METADATA_DISABLED": "true"}
        created = subprocess.run([binary, "token", "create", "fuzz", "--acts-for"], env=environment, check=True, capture_output=True, text=True)
        token = created.stdout.split()[-1]
        port = lab.free_port()
        url = f"http://127.0.0.1:{port}"
        command = [binary, "serve", "--sandbox", "--sandbox-port", "0", "--authentication", "on"]
        command += ["--listen", f"127.0.0.1:{port}", "--data-dir", work / "data", "--secrets-key-file", key, *times]
        command += ["--webhook-allow-network", "127.0.0.1/32", "--quota", "nodes=1000"]
        with lab.Process(command, work / "service.log", env=environment):
            lab.wait_for(lambda: lab.OPENER.open(f"{url}/readyz").status == 200, "ready")
            report = run(work, url, token)
    judge(report, settings.cases)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
