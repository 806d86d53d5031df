"""`fraises.yaml` as the rest of the engine knows it: places to deploy to, found by fraise and environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from fraisier.contract.errors import ConfigError, UsageError
from fraisier.contract.options import nearest
from fraisier.engine.configuration.form import read_places
from fraisier.engine.configuration.place import Place as Place
from fraisier.engine.configuration.problems import KeyPath, Problems, wrong_options
from fraisier.engine.configuration.yaml_file import Document, read_yaml

FILE_NAME: Final = "fraises.yaml"
OptionsOf = Callable[[str], type[msgspec.Struct] | None]
_LISTED: Final = 12
"""How many names a message lists when none is near."""


class Config:
    """A `fraises.yaml` without a mistake in it.

    Args:
        path: the file.
        document: what it holds.
        places: what it describes, by fraise and environment, in the file's order.
        state_database: where `state.database` wants the state.
    """

    def __init__(
        self,
        path: Path,
        document: Document,
        places: Mapping[tuple[str, str], Place],
        state_database: str | None,
    ) -> None:
        self.path = path
        self.folder = path.parent
        self.document = document
        self.places = places
        self.state_database = state_database

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key path, or of as much of it as there is."""
        return self.document.line_of(path)

    def fraises(self) -> list[str]:
        """Return the names of all fraises, in the file's order."""
        return list(dict.fromkeys(fraise for fraise, _ in self.places))

    def environments(self, fraise: str) -> list[str]:
        """Return the environments of a fraise, in the file's order."""
        return [environment for name, environment in self.places if name == fraise]

    def place(self, fraise: str, environment: str) -> Place:
        """Return one place, or raise UsageError with the name that was probably meant."""
        known = self.environments(fraise)
        if not known:
            names = self.fraises()
            raise UsageError(f'no fraise "{fraise}" in {self.document.shown}{_nearest(fraise, names)}')
        if environment not in known:
            meant = _nearest(environment, known)
            raise UsageError(f'no environment "{environment}" of {fraise} in {self.document.shown}{meant}')
        return self.places[fraise, environment]

    def selected(self, fraise: str | None, environment: str | None) -> list[Place]:
        """Return every place, or those of one fraise, or one place; raise UsageError for a name that is none."""
        if fraise is None:
            return list(self.places.values())
        known = self.environments(fraise)
        named = environment if environment is not None or not known else known[0]
        self.place(fraise, named or "")
        return [self.places[fraise, each] for each in known if environment in (None, each)]


def find_config(explicit: Path | None, environ: Mapping[str, str], start: Path) -> Path:
    """Return the file to use: as given, as FRAISIER_CONFIG says, or in a folder or the nearest one above it."""
    if explicit is not None:
        return start / explicit
    if named := environ.get("FRAISIER_CONFIG"):
        return start / named
    for folder in (start, *start.parents):
        # os.path.isfile, since a folder that may not be read is no error here.
        if os.path.isfile(folder / FILE_NAME):  # noqa: PTH113
            return folder / FILE_NAME
    raise ConfigError(f"no {FILE_NAME} in {start} or a parent folder", hint="run: fraisier init")


def load_config(path: Path, options_of: OptionsOf | None = None) -> Config:
    """Read a file, or raise one ConfigError with all that is wrong in it.

    Args:
        path: the file.
        options_of: returns a provider's struct, where that is known; with it, all options are checked too.
    """
    path = path.absolute()
    document = read_yaml(path)
    problems = Problems(document)
    places, state_database = read_places(document, path.parent, problems)
    if options_of is not None:
        for place in places.values():
            for each in (place, place.fallback):
                struct = None if each is None else options_of(each.provider)
                if each is not None and struct is not None:
                    problems.add_all((*each.path, "config"), wrong_options(each.options, struct))
    problems.raise_any()
    return Config(path, document, places, state_database)


def _nearest(name: str, known: list[str]) -> str:
    """Return what was probably meant, else the names when they are few."""
    abbreviated = [each for each in known if each.startswith(name)]
    if len(abbreviated) == 1:
        return f'; did you mean "{abbreviated[0]}"?'
    meant = nearest(name, known)
    return "" if len(known) > _LISTED and "did you mean" not in meant else meant
