"""Whether a host can read the repository, and what to do where it cannot."""

from __future__ import annotations

import re
import shlex
from typing import Final

from fraisier import Check

from fraisier_bare_metal.options import Options
from fraisier_bare_metal.repository import repository_of
from fraisier_bare_metal.result import Result

# Of a URL with ssh, or of USER@HOST:PATH; https and paths need no key.
_SERVER: Final = re.compile(
    r"ssh://(?:[^@/]+@)?(?P<host>[^:/]+)(?::(?P<port>[0-9]+))?/|(?:[^@/]+@)?(?P<short>[^@:/]+):(?!//)"
)
_REASON: Final = re.compile("Permission denied|Host key verification|^(fatal|ssh|ERROR|remote): |^no answer")


def repository_check(options: Options, found: Result, account: str) -> Check:
    """Return the check that says why the host cannot read the repository, by what ssh and git said there."""
    name, repository = "repository", repository_of(options)
    shown = repository["shown_repo"]
    if found.one("lost"):
        what = f"branch {options.branch}" if options.branch else "HEAD: nobody has pushed to it yet"
        return Check(name=name, passed=False, detail=f"{shown} has no {what}", hint="push it, or set branch")
    if lines := found.data.get("norepository"):
        told = "\n".join(lines).lower()
        said = _telling(lines)
        hint = f"on the host, as {account}: git ls-remote {shlex.quote(repository['typed_repo'])}"
        if not repository["typed_repo"]:
            hint = f"on the host, as {account}, run git ls-remote with what {shown} stands for"
        if "identification has changed" in told:
            said = "the host key of its server has changed"
            hint = (
                f"find out why; on the host, as {account}: ssh-keygen -R {_server(options, known=True)}; "
                f"ssh-keyscan {_server(options)} >> ~/.ssh/known_hosts"
            )
        elif "host key verification failed" in told:
            hint = (
                f"compare its key with what its owner publishes; "
                f"on the host, as {account}: ssh-keyscan {_server(options)} >> ~/.ssh/known_hosts"
            )
        elif "permission denied" in told:
            hint = (
                f"add the key that this prints to the repository, as a deploy key; on the host, as {account}: "
                "test -e ~/.ssh/id_ed25519 || ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519; "
                "cat ~/.ssh/id_ed25519.pub"
            )
        return Check(name=name, passed=False, detail=f"{shown} cannot be read from the host: {said}", hint=hint)
    return Check(
        name=name,
        passed=True,
        detail=f"{shown} {'answers' if found.one('repository') else 'is fetched from next'}",
    )


def _telling(lines: list[str]) -> str:
    """Return the line that says what is wrong, of all that ssh and git have said."""
    said = [line for line in lines if line.strip() and not line.startswith("fatal: Could not read from")]
    return next(filter(_REASON.search, said), said[0] if said else "git says nothing")


def _server(options: Options, known: bool = False) -> str:
    """Return the repository's server as `ssh-keyscan` takes it, or as the file of known hosts has it."""
    address = _SERVER.match(options.git_repo.reveal())
    if address is None or options.git_repo.reference:
        return "SERVER"
    name, port = address["host"] or address["short"], address["port"]
    if known:
        return shlex.quote(f"[{name}]:{port}" if port not in (None, "22") else name)
    return f"-p {port} {shlex.quote(name)}" if port else shlex.quote(name)
