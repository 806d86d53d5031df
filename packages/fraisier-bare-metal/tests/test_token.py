"""A token in the address of a repository: the repository gets it, and nobody else on the host does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fraisier import Secret

from .site import Site, eventually

GUARDED = """
import base64, functools, glob, http.server, sys

class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[2], "ab") as seen:
            for path in glob.glob("/proc/[0-9]*/cmdline"):
                try:
                    seen.write(open(path, "rb").read() + b"\\n")
                except OSError:
                    pass
        if self.headers.get("Authorization") == "Basic " + base64.b64encode("bot:a t@ken/ü".encode()).decode():
            return super().do_GET()
        _, _, path = self.path.partition("/away")
        self.send_response(302 if path else 401)
        self.send_header(*(("Location", AWAY + path) if path else ("WWW-Authenticate", 'Basic realm="git"')))
        self.send_header("Content-Length", "0")
        self.end_headers()

AWAY = f"http://127.0.0.1:{sys.argv[1]}"
serve = functools.partial(Handler, directory=sys.argv[3])
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), serve).serve_forever()
"""
"""Serves a folder to who knows the token, and writes down all command lines of the host while it does.

What is asked below /away is to be had from another server, says this one.
"""


@pytest.fixture
def guarded(site: Site) -> Iterator[Site]:
    """A site whose repository is served over HTTP, to who knows the token."""
    folder, port = f"/tmp/{site.name}-served", site.port + 1000
    site.host.run(
        f"git clone --quiet --bare {site.repository.url} {folder}/repo.git\n"
        f"git -C {folder}/repo.git update-server-info\n"
        f"cat >{folder}/serve.py <<'END'\n{GUARDED}\nEND",
        user="deploy",
    )
    serve = f"python3 {folder}/serve.py {port} {folder}/seen {folder}"
    site.host.run(f"systemd-run --quiet --uid=deploy --unit={site.name}-git {serve}")
    site.options["git_repo"] = Secret(
        f"http://bot:a%20t%40ken%2F%C3%BC@127.0.0.1:{port}/repo.git", "${REPOSITORY}"
    )
    try:
        yield site
    finally:
        site.host.run(f"systemctl stop {site.name}-git; rm -f /home/deploy/.gitconfig")


def test_the_token_is_on_no_command_line_and_in_no_file(guarded: Site) -> None:
    eventually(lambda: "repository" not in guarded.checks())
    assert guarded.deploy("v1").version == "v1"
    assert guarded.serves("v1")
    seen = guarded.host.run(f"cat /tmp/{guarded.name}-served/seen")
    assert "git-remote-http" in seen, "nothing was seen"
    assert not [secret for secret in ("t@ken", "t%40ken") if secret in seen]
    assert not guarded.host.succeeds(f"grep --recursive --quiet 'ken/' {guarded.app_path}")


def test_the_helpers_of_the_account_are_neither_asked_for_the_token_nor_told_it(guarded: Site) -> None:
    folder, port = f"/tmp/{guarded.name}-served", guarded.port + 1000
    answer = "printf 'username=bot\\npassword=wrong\\n'"
    guarded.host.write(f"{folder}/helper", f"{{ echo $1; cat; }} >>{folder}/asked\n{answer}\n")
    for name in ("credential.helper", f"credential.http://127.0.0.1:{port}.helper"):
        guarded.host.run(f"git config --global {name} '!sh {folder}/helper'", user="deploy")
    eventually(lambda: guarded.host.succeeds(f"curl --silent http://127.0.0.1:{port}/"))
    ask = f"git ls-remote http://127.0.0.1:{port}/repo.git"
    assert not guarded.host.succeeds(f"GIT_TERMINAL_PROMPT=0 {ask}", user="deploy")
    asked = guarded.host.run(f"cat {folder}/asked; rm {folder}/asked").splitlines()
    assert {"get", "erase"} < set(asked), "they would be asked"
    assert guarded.checks() == {}
    guarded.deploy("v1")
    assert guarded.serves("v1")
    assert not guarded.host.succeeds(f"cat {folder}/asked")


def test_the_token_is_for_its_own_server_and_for_none_to_which_that_one_leads(guarded: Site) -> None:
    eventually(lambda: "repository" not in guarded.checks())
    address = guarded.options["git_repo"].reveal().replace("@127.0.0.1:", "@localhost:")
    assert "repository" not in guarded.checks(git_repo=Secret(address, "${REPOSITORY}"))
    elsewhere = Secret(address.replace("/repo.git", "/away/repo.git"), "${REPOSITORY}")
    assert "could not read Username for 'http://127.0.0.1:" in guarded.checks(git_repo=elsewhere)["repository"]
