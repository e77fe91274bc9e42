"""Starts the service with a fresh sandbox, and sends each operation from its page /docs in Chromium.

usage: run.py BINARY
"""

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "operators"))
import lab  # noqa: E402


def main():
    binary, work = Path(sys.argv[1]).resolve(), lab.directory()
    folder = work / "docs"
    shutil.copytree(HERE, folder)
    subprocess.run(["npm", "ci", "--silent", "--ignore-scripts"], cwd=folder, check=True)
    key = work / "secrets.key"
    key.write_bytes(base64.b64encode(os.urandom(32)))
    key.chmod(0o600)
    port = lab.free_port()
    url = f"http://127.0.0.1:{port}"
    command = [binary, "serve", "--sandbox", "--sandbox-port", "0", "--listen", f"127.0.0.1:{port}"]
    command += ["--data-dir", work / "data", "--secrets-key-file", key, "--webhook-allow-network", "127.0.0.1/32"]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    with lab.Process(command, work / "service.log", env=environment):
        lab.wait_for(lambda: lab.OPENER.open(f"{url}/readyz").status == 200, "ready")
        subprocess.run(["node", "browse.js", url, shutil.which("chromium")], cwd=folder, check=True)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
