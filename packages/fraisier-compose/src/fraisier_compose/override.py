"""The file of ours that is laid over the user's: it pins the images and labels the containers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from fraisier import Secret, TargetError

from fraisier_compose.labels import Labels

_HEAD: Final = "# Written by fraisier at each deployment; a change here is lost, and changes nothing.\n"
_VARIABLE: Final = "FRAISIER_ENVIRONMENT_{}"


class Override:
    """The override file of one target; it can be written anew from the labels of the containers.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def backup(self) -> Path:
        """The one before."""
        return self.path.with_suffix(".before.yaml")

    def write(self, labels: Mapping[str, Labels], environment: Mapping[str, Secret]) -> dict[str, str]:
        """Write the file, and return the variables that Compose has to be given with it.

        The values of `environment` are not in the file: it refers to variables of other names, which only the
        command that is given them can resolve.

        Args:
            labels: of each service.
            environment: the variables for all of them.

        Raises:
            TargetError: it cannot be written.
        """
        names = {name: _VARIABLE.format(number) for number, name in enumerate(environment)}
        services: dict[str, Any] = {}
        for service, each in labels.items():
            services[service] = {
                "image": _literal(each.recorded.images[service]),
                # What is in service has been pulled or built by now, or was kept.
                "pull_policy": "never",
                "labels": {name: _literal(value) for name, value in each.written().items()},
            }
            if names:
                services[service]["environment"] = {name: f"${{{given}}}" for name, given in names.items()}
        try:
            self._replace(_HEAD + json.dumps({"services": services}, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TargetError(
                f"cannot write {self.path}: {reason}", hint="is there space, and the right?"
            ) from error
        return {given: environment[name].reveal() for name, given in names.items()}

    def _replace(self, text: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        ignore = self.path.parent.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        if self.path.exists():
            self._put(self.path.read_text(encoding="utf-8"), self.backup)
        self._put(text, self.path)

    def _put(self, text: str, path: Path) -> None:
        """Write a file whole or not at all."""
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as new:
            try:
                new.write(text)
                new.flush()
                os.fsync(new.fileno())
                Path(new.name).replace(path)
            except BaseException:
                Path(new.name).unlink(missing_ok=True)
                raise


def _literal(text: str) -> str:
    """Return a text that Compose takes as it is."""
    return text.replace("$", "$$")
