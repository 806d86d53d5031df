"""One fraise in one environment: what the file says of it, and its secrets looked up as late as possible."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from fraisier.contract.models import HealthCheck
from fraisier.contract.options import OptionProblem, convert_options
from fraisier.engine.configuration.problems import KeyPath, Problems, wrong_options
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.configuration.references import resolve
from fraisier.engine.configuration.yaml_file import Document

StructType: TypeAlias = type[msgspec.Struct]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A target of the file, with its references not looked up yet."""

    fraise: str
    environment: str
    type: str | None
    provider: str
    options: Mapping[str, Any]
    """The mapping under `config`, with `Reference` objects."""
    health_check: Mapping[str, Any] | None
    """As written, with `Reference` objects."""
    fallback: Place | None
    is_fallback: bool
    """Whether this stands in for another target, which may have the same provider."""
    folder: Path
    path: KeyPath
    """Where in the file this stands."""
    health_check_path: KeyPath
    """Where its health check stands, which a fallback may have from the target that it stands in for."""
    document: Document

    @property
    def identifier(self) -> str:
        """The business key, `fraise:environment`."""
        return f"{self.fraise}:{self.environment}"

    def check_options(self, struct: StructType) -> None:
        """Hold the options, as far as they are known, to their provider's struct, or raise ConfigError."""
        problems = Problems(self.document)
        problems.add_all((*self.path, "config"), wrong_options(self.options, struct))
        problems.raise_any()

    def resolved(
        self, environ: Mapping[str, str], redactor: Redactor
    ) -> tuple[Mapping[str, Any], HealthCheck | None]:
        """Look up all references, late: return the options and the health check, or raise ConfigError."""
        problems = Problems(self.document)
        found: list[OptionProblem] = []
        raw = {"config": self.options, "health_check": self.health_check}
        resolved = resolve(raw, folder=self.folder, environ=environ, redactor=redactor, problems=found)
        where = {"config": (*self.path, "config"), "health_check": self.health_check_path}
        for problem in found:
            problems.add((*where[str(problem.path[0])], *problem.path[1:]), problem.message)
        check: HealthCheck | None = None
        if resolved["health_check"] is not None and not problems:
            check, wrong = convert_options(resolved["health_check"], HealthCheck)
            problems.add_all(self.health_check_path, wrong)
        problems.raise_any()
        return resolved["config"], check
