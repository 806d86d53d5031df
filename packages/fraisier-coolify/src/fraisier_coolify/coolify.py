"""The Coolify server of a target, for one hook: its client, shared by the hooks of an operation, its version."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

from fraisier import ConfigError, Target

from fraisier_coolify.api import CoolifyClient, jittered
from fraisier_coolify.options import Options
from fraisier_coolify.versions import Version

_SHORTEST: Final = 4
"""Shorter values are left alone in Coolify's lines: masking every `1` hides the line and no secret."""


class Coolify:
    """What the parts of the provider work with."""

    def __init__(self, target: Target, options: Options) -> None:
        self.target = target
        self.options = options
        self.client = target.session.get(f"coolify:{options.root}", self._open)
        # The client has masked the token already, in all that the server says.
        texts = {text for value in self.variables.values() for text in (value, value.strip())}
        self._secrets = sorted((each for each in texts if len(each) >= _SHORTEST), key=len, reverse=True)

    @property
    def version(self) -> Version:
        """The version of Coolify."""
        return self.client.version()

    @property
    def variables(self) -> dict[str, str]:
        """The variables that fraises.yaml wants, with their values."""
        return {name: value.reveal() for name, value in self.options.environment.items()}

    def masked(self, text: str) -> str:
        """Return a line of Coolify's without the values that fraises.yaml has for it."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def link(self, path: str | None) -> str:
        """Return the address of a page of Coolify."""
        return f"{self.options.root}{path}" if path and path.startswith("/") else self.options.root

    def pause(self) -> None:
        """Wait from one look to the next."""
        time.sleep(jittered(self.options.poll_interval))

    def is_settling(self, since: datetime | None) -> bool:
        """Tell whether something ended so short a time ago, by the server's clock, that its status may be old."""
        return since is not None and (self.client.now - since).total_seconds() < self.options.settle_timeout

    def _open(self) -> CoolifyClient:
        options = self.options
        bundle = self.target.folder / options.ca_bundle if options.ca_bundle else None
        if bundle is not None and not bundle.is_file():
            raise ConfigError(f"ca_bundle: there is no file {bundle}", hint="name a file of certificates (PEM)")
        return CoolifyClient(
            options.root,
            options.api_key,
            ca_bundle=bundle,
            read_seconds=options.request_timeout,
            pause=options.poll_interval / 4,
        )
