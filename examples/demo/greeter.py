"""The demo's service: answers every request with its version. fraisier exports FRAISIER_VERSION to it."""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Greeter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"hello from {os.environ['FRAISIER_VERSION']}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(sys.argv[1])
    print(f"greeter listens on 127.0.0.1:{port}", flush=True)
    HTTPServer(("127.0.0.1", port), Greeter).serve_forever()
