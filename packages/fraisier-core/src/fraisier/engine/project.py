"""One `fraises.yaml` with its state, and how a target in it is opened for an operation."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from fraisier.contract.models import Target
from fraisier.contract.session import Session
from fraisier.engine.configuration.config import Config, Place, load_config
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.providers.provider import Provider
from fraisier.engine.state.database import StateDatabase, database_path


class Opened(NamedTuple):
    """A target with its secrets resolved, and the provider that serves it."""

    provider: Provider
    target: Target


class Project:
    """What every operation starts from.

    Args:
        config: the file, read.
        redactor: learns every secret as it is resolved.
        environ: where `${NAME}` is looked up.
        verbose: whether targets are to say more than usual.
    """

    def __init__(
        self, config: Config, redactor: Redactor, environ: Mapping[str, str], verbose: bool = False
    ) -> None:
        self.config = config
        self.redactor = redactor
        self.environ = environ
        self.verbose = verbose
        self.database_path = database_path(config.folder, config.state_database, environ)

    @classmethod
    def read(
        cls, path: Path, redactor: Redactor, environ: Mapping[str, str] | None = None, verbose: bool = False
    ) -> Project:
        """Read the file, or raise ConfigError with all that is wrong with it."""
        return cls(load_config(path), redactor, os.environ if environ is None else environ, verbose)

    def database(self) -> StateDatabase:
        """Open the state; the caller closes it."""
        return StateDatabase.open(self.database_path)

    @contextmanager
    def opened(
        self, place: Place, warn: Callable[[str], None], deployment_id: str = "", version: str | None = None
    ) -> Iterator[Opened]:
        """Load the provider of a place, resolve the place's secrets, and hold a session while in the block."""
        provider = Provider.load(place.provider, self.redactor, warn)
        if provider.options is not None:
            place.check_options(provider.options)
        options, health_check = place.resolved(self.environ, self.redactor)
        with Session() as session:
            target = Target(
                fraise=place.fraise,
                environment=place.environment,
                provider=place.provider,
                options=options,
                folder=place.folder,
                session=session,
                health_check=health_check,
                deployment_id=deployment_id,
                version=version,
                user=operator(),
                verbose=self.verbose,
            )
            yield Opened(provider, target)


def operator() -> str:
    """Return who runs this, as `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a uid that has no name.
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
