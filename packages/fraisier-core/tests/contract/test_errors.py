"""The errors: kinds and exit codes are what scripts rely on."""

from __future__ import annotations

import fraisier
import pytest
from fraisier import FraisierError, TargetError

ERRORS = {
    "InternalError": ("internal", 1),
    "UsageError": ("usage", 2),
    "ConfigError": ("configuration", 3),
    "DeploymentLockedError": ("locked", 4),
    "TargetChangedError": ("locked", 4),
    "LeaseLostError": ("lease_lost", 4),
    "PreFlightError": ("pre_flight", 5),
    "TargetError": ("target", 6),
    "DeploymentFailedError": ("deployment_failed", 6),
    "UnhealthyError": ("unhealthy", 7),
    "RolledBackError": ("rolled_back", 8),
    "RollbackFailedError": ("rollback_failed", 9),
    "ProviderError": ("provider", 10),
    "Unsupported": ("unsupported", 10),
    "InterruptedByUserError": ("interrupted", 130),
}


@pytest.mark.parametrize(("name", "expected"), ERRORS.items())
def test_an_error_has_its_kind_and_exit_code(name: str, expected: tuple[str, int]) -> None:
    error = getattr(fraisier, name)("what is wrong", hint="what to do")
    assert (error.kind, error.exit_code) == expected
    assert str(error) == "what is wrong; what to do"


def test_there_are_no_other_errors() -> None:
    public = [getattr(fraisier, name) for name in fraisier.__all__]
    found = {each.__name__ for each in public if isinstance(each, type) and issubclass(each, FraisierError)}
    assert found - {"FraisierError"} == set(ERRORS)


def test_an_error_without_a_hint_is_its_message() -> None:
    error = TargetError("no way")
    assert (str(error), error.problems, error.log, error.command, error.step) == ("no way", [], [], "", "")


def test_a_text_of_several_lines_is_taken_as_lines() -> None:
    assert TargetError("x", log="one\ntwo\n", problems="three").log == ["one", "two"]
    assert TargetError("x", log="one\ntwo\n", problems="three").problems == ["three"]
