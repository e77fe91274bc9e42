"""Generates clients with tools of others, compiles them, and runs them against a server: create, wait, endpoint,
refused create, delete. What differs from the default settings of a tool is at its call, with the reason.

usage: run.py BINARY [GENERATOR...]
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tests/operators"))
import lab  # noqa: E402

# javax.annotation, which the generated sources name and Maven Central has: these are only markers.
ANNOTATIONS = {"Nonnull": "", "Nullable": "", "Generated": "String[] value() default {}; String date() default \"\"; String comments() default \"\";"}


class Checks:
    def __init__(self, binary, work):
        self.binary, self.work = binary, work
        self.document = work / "openapi.json"
        self.document.write_text(self.output(binary, "openapi"))

    def output(self, *command):
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def run(self, *command, cwd=None, **environment):
        done = subprocess.run(command, cwd=cwd or self.work, env={**os.environ, **environment}, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{command}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    def openapi_generator(self, generator, *options):
        """Generates a client with openapi-generator, whose jar comes with its PyPI package."""
        packages = self.work / "openapi-generator"
        if not packages.exists():
            install(packages, HERE / "openapi_generator.txt")
        jar = packages / "openapi_generator_cli/openapi-generator.jar"
        output = self.work / generator
        self.run("java", "-jar", jar, "generate", "-g", generator, "-i", self.document, "-o", output, *options)
        return output, jar

    def hey_api(self, url):
        folder = self.work / "hey-api"
        shutil.copytree(HERE / "hey-api", folder)
        self.run("npm", "ci", "--silent", "--ignore-scripts", cwd=folder)
        self.run("npx", "openapi-ts", "-i", self.document, "-o", "client", cwd=folder)
        self.run("npx", "tsc", cwd=folder)
        # The client imports its own files without an extension, as bundlers read them.
        bundle = ["--bundle", "--platform=node", "--format=esm", "--outfile=out/main.mjs"]
        self.run("npx", "esbuild", "main.ts", *bundle, cwd=folder)
        self.run("node", "out/main.mjs", url, cwd=folder)

    def java(self, url):
        # Without JsonNullable, whose library only Maven Central has; Jackson is in the generator's own jar.
        output, jar = self.openapi_generator("java", "--library=native", "--additional-properties=openApiNullable=false")
        source = output / "src/main/java"
        for name, members in ANNOTATIONS.items():
            path = source / f"javax/annotation/{name}.java"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"package javax.annotation;\npublic @interface {name} {{ {members} }}\n")
        files = [*source.rglob("*.java"), HERE / "Main.java"]
        self.run("javac", "-nowarn", "-cp", jar, "-d", output / "classes", *files)
        self.run("java", "-cp", f"{output / 'classes'}:{jar}", "Main", url)

    def go(self, url):
        # At the default settings constants of different enumerations have the same name, which Go refuses.
        output, _ = self.openapi_generator("go", "--additional-properties=enumClassPrefix=true")
        module = output / "go.mod"
        version = ".".join(self.output("go", "env", "GOVERSION").strip().removeprefix("go").split(".")[:2])
        module.write_text(module.read_text().replace("go 1.23", f"go {version}"))
        command = output / "check"
        command.mkdir()
        shutil.copy(HERE / "main.go", command)
        self.run("go", "run", "./check", url, cwd=output, GOPROXY="off", GOFLAGS="-mod=mod")

    def python(self, url):
        output, _ = self.openapi_generator("python")
        packages = self.work / "python-packages"
        install(packages, output / "requirements.txt")
        shutil.copy(HERE / "main.py", output)
        self.run(sys.executable, "main.py", url, cwd=output, PYTHONPATH=str(packages))

    def typescript(self, url):
        folder = self.work / "fetch"
        folder.mkdir()
        output, _ = self.openapi_generator("typescript-fetch")
        shutil.copytree(output, folder / "client")
        shutil.copy(HERE / "main.ts", folder)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "hey-api" / name, folder)
        package = json.loads((folder / "package.json").read_text())
        (folder / "package.json").write_text(json.dumps(package | {"type": "commonjs"}))
        self.run("npm", "ci", "--silent", "--ignore-scripts", cwd=folder)
        options = ["--strict", "--esModuleInterop", "--target", "es2022", "--module", "commonjs", "--lib", "es2022,dom,dom.iterable"]
        self.run("npx", "tsc", *options, "--types", "node", "--skipLibCheck", "--outDir", "out", "main.ts", cwd=folder)
        self.run("node", "out/main.js", url, cwd=folder)

    def progenitor(self, url):
        folder = self.work / "progenitor"
        shutil.copytree(HERE / "progenitor", folder)
        (folder / "openapi-3.0.json").write_text(self.output(self.binary, "openapi", "--version", "3.0"))
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "progenitor"
        self.run("cargo", "run", "--quiet", "--locked", "--", url, cwd=folder, CARGO_TARGET_DIR=str(target))


def install(folder, requirements):
    options = ["--quiet", "--disable-pip-version-check", "--target", folder, "-r", requirements]
    subprocess.run([sys.executable, "-m", "pip", "install", *options], check=True)


NEEDS = {
    "hey_api": ["npm"],
    "java": ["javac"],
    "go": ["go", "java"],
    "python": ["java"],
    "typescript": ["java", "npm"],
    "progenitor": ["cargo"],
}


def main():
    binary = Path(sys.argv[1]).resolve()
    work = lab.directory()
    checks = Checks(binary, work)
    port = lab.free_port()
    command = [binary, "serve", "--sandbox", "--sandbox-port", "0", "--listen", f"127.0.0.1:{port}"]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    url = f"http://127.0.0.1:{port}"
    with lab.Process([*command, "--data-dir", work / "data"], work / "service.log", env=environment):
        lab.wait_for(lambda: lab.OPENER.open(f"{url}/readyz").status == 200, "ready")
        for name in sys.argv[2:] or NEEDS:
            missing = [tool for tool in NEEDS[name] if not shutil.which(tool)]
            if missing:
                print(f"{name}: not checked: {', '.join(missing)} is not installed")
                continue
            getattr(checks, name)(url)
            print(f"{name}: generated, compiled, and used: created, read, refused, deleted", flush=True)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
