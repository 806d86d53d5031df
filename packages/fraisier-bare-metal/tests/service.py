"""A small service, a version of it that does not start, and the unit that runs it, as the manual has it."""

SERVICE = """
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        own = f"{VERSION} {os.environ.get('FRAISIER_VERSION')} {os.environ.get('FRAISIER_REVISION')}"
        body = (json.dumps(dict(os.environ)) if self.path == "/environment" else own).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

VERSION = open("VERSION").read().strip()
print(f"serving {VERSION}", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
"""Answers what its folder holds and what its environment says, which must be the same."""

BROKEN = "raise SystemExit('this version is broken')\n"

UNIT = """[Unit]
Description={name}

[Service]
{user}
WorkingDirectory={folder}
EnvironmentFile={app_path}/.fraisier/environment
ExecStart=/usr/bin/python3 -u service.py
Restart=on-failure

[Install]
WantedBy={wanted}.target
"""
