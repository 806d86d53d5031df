"""The repository that the hosts fetch from, as the scripts there need it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from fraisier_bare_metal.options import Options


def repository_of(options: Options) -> Mapping[str, str]:
    """Return the address as git gets it, what may be shown of it, and the name and token apart from it.

    A command line can be read by everybody on the host, so nothing secret stays in the address.
    """
    address = options.git_repo.reveal()
    shown = options.git_repo.reference or address
    user = token = ""
    if address.startswith(("https://", "http://")):
        scheme, _, rest = address.partition("://")
        server, slash, path = rest.partition("/")
        access, _, server = server.rpartition("@")
        user, _, token = map(unquote, access.partition(":"))
        address = f"{scheme}://{server}{slash}{path}"
    return {"git_repo": address, "shown_repo": shown, "git_user": user, "git_token": token}
