"""fraisier: deployment for small teams who own their servers.

This is the contract with providers and plugins: `from fraisier import hookimpl, Target, ...`. The names are
loaded when they are first used, so that the command line starts fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fraisier.contract.commands import CommandResult, kill_group, run_command, run_shell
    from fraisier.contract.errors import (
        ConfigError,
        DeploymentFailedError,
        DeploymentLockedError,
        FraisierError,
        InternalError,
        InterruptedByUserError,
        LeaseLostError,
        PreFlightError,
        ProviderError,
        RollbackFailedError,
        RolledBackError,
        TargetChangedError,
        TargetError,
        UnhealthyError,
        Unsupported,
        UsageError,
    )
    from fraisier.contract.hookspecs import hookimpl
    from fraisier.contract.models import (
        Check,
        Deployed,
        Deployment,
        Health,
        HealthCheck,
        Release,
        Status,
        Step,
        Target,
    )
    from fraisier.contract.options import Options, read_options
    from fraisier.contract.parallel import in_parallel
    from fraisier.contract.probe import Here, Reach, probe
    from fraisier.contract.process import process_started
    from fraisier.contract.progress import Progress
    from fraisier.contract.secret import Secret
    from fraisier.contract.session import Session

_HOME = {
    "commands": ["CommandResult", "kill_group", "run_command", "run_shell"],
    "errors": [
        "ConfigError",
        "DeploymentFailedError",
        "DeploymentLockedError",
        "TargetChangedError",
        "FraisierError",
        "InternalError",
        "InterruptedByUserError",
        "LeaseLostError",
        "PreFlightError",
        "ProviderError",
        "RollbackFailedError",
        "RolledBackError",
        "TargetError",
        "UnhealthyError",
        "Unsupported",
        "UsageError",
    ],
    "hookspecs": ["hookimpl"],
    "models": [
        "Check",
        "Deployed",
        "Deployment",
        "Health",
        "HealthCheck",
        "Release",
        "Status",
        "Step",
        "Target",
    ],
    "options": ["Options", "read_options"],
    "parallel": ["in_parallel"],
    "probe": ["Here", "Reach", "probe"],
    "process": ["process_started"],
    "progress": ["Progress"],
    "secret": ["Secret"],
    "session": ["Session"],
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Check",
    "CommandResult",
    "ConfigError",
    "Deployed",
    "Deployment",
    "DeploymentFailedError",
    "DeploymentLockedError",
    "FraisierError",
    "Health",
    "HealthCheck",
    "Here",
    "InternalError",
    "InterruptedByUserError",
    "LeaseLostError",
    "Options",
    "PreFlightError",
    "Progress",
    "ProviderError",
    "Reach",
    "Release",
    "RollbackFailedError",
    "RolledBackError",
    "Secret",
    "Session",
    "Status",
    "Step",
    "Target",
    "TargetChangedError",
    "TargetError",
    "UnhealthyError",
    "Unsupported",
    "UsageError",
    "hookimpl",
    "in_parallel",
    "kill_group",
    "probe",
    "process_started",
    "read_options",
    "run_command",
    "run_shell",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'fraisier' has no attribute {name!r}")
    value = getattr(import_module(f"fraisier.contract.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
