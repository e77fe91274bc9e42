"""Compiles a sample, and checks every name and argument that it uses of the real DAX client.

usage: check_sample.py SAMPLE
"""

import ast
import inspect
import sys
from pathlib import Path

import amazondax


def main() -> None:
    path = Path(sys.argv[1])
    tree = ast.parse(path.read_text(), str(path))
    compile(tree, str(path), "exec")
    imported = [name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names]
    assert imported == ["AmazonDaxClient"], imported
    client = amazondax.AmazonDaxClient
    assert callable(client.__enter__) and callable(client.__exit__)
    calls = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            keywords = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
            calls[ast.unparse(node.func)] = keywords
    inspect.signature(client).bind(**calls["AmazonDaxClient"])
    ip_discovery = calls["AmazonDaxClient"].get("ip_discovery")
    assert ip_discovery in amazondax.Constants.VALID_IP_DISCOVERY_VALUES, ip_discovery
    assert set(calls["dax.get_item"]) == {"TableName", "Key"} and hasattr(client, "get_item")
    print("the sample compiles and fits amazon-dax-client", amazondax.__version__)


if __name__ == "__main__":
    main()
