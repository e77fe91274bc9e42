"""A receiver of webhooks over TLS on localhost, with a certificate of a new authority.

Writes the authority's certificate to the path in the first argument, prints its port, then each request as a line of
JSON. It does not answer the first one.
"""

import http.server
import json
import ssl
import sys
import time

import trustme

authority = trustme.CA()
authority.cert_pem.write_to_path(sys.argv[1])
requests = 0


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        global requests
        requests += 1
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        print(json.dumps({"headers": headers, "body": body}), flush=True)
        if requests == 1:
            time.sleep(3_600)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
authority.issue_cert("localhost").configure_cert(context)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
