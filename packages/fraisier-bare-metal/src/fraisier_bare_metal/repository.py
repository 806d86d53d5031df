"""The repository that the hosts fetch from, as the scripts there need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from fraisier import Secret

from fraisier_bare_metal.options import Options


def repository_of(options: Options) -> Mapping[str, Any]:
    """Return the address as git gets it, as it is shown and as a person can type it, and name and token apart.

    A command line can be read by everybody on the host, so nothing secret stays in the address.
    """
    address = options.git_repo.reveal()
    user = token = origin = ""
    if address.startswith(("https://", "http://")):
        access, address = _parted(address)
        user, _, token = map(unquote, access.partition(":"))
        origin = "/".join(address.split("/")[:3])
    _, shown = _parted(options.git_repo.reference or address)
    return {
        "git_repo": address,
        "shown_repo": shown,
        # What the reference stands for is not shown, and cannot be asked by hand without it.
        "typed_repo": "" if "${" in shown else shown,
        "git_server": origin,
        "git_user": Secret(user),
        "git_token": Secret(token),
    }


def _parted(url: str) -> tuple[str, str]:
    """Return `name:token` of a URL with http, and the URL without it."""
    scheme, separator, rest = url.partition("://")
    if scheme not in ("https", "http"):
        return "", url
    server, slash, path = rest.partition("/")
    access, _, server = server.rpartition("@")
    return access, f"{scheme}{separator}{server}{slash}{path}"
