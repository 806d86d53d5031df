"""A plugin: no deployments on Fridays, the time that each one took, and a line in a file when it has ended."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from datetime import date
from pathlib import Path

from fraisier import Check, Deployed, Deployment, PreFlightError, Progress, Target, hookimpl

FRIDAY = 4


@hookimpl(wrapper=True)
def pre_flight(target: Target) -> Generator[None, list[Check], list[Check]]:
    """Keep the provider from being asked at all: what is raised before the `yield` ends the deployment."""
    if target.environment == "production" and date.today().weekday() == FRIDAY:
        raise PreFlightError(f"{target.identifier} is not deployed on Fridays", hint="come back on Monday")
    return (yield)


@hookimpl(wrapper=True)
def deploy(target: Target, progress: Progress) -> Generator[None, Deployed, Deployed]:
    """Take the time; what the provider returned or raised passes through."""
    started = time.monotonic()
    deployed = yield
    progress.line(f"{target.identifier} took {time.monotonic() - started:.1f} s")
    return deployed


@hookimpl
def deployment_finished(deployment: Deployment) -> None:
    """Hear of every end; the place of the file is the plugin's own affair."""
    with Path(os.environ.get("DEPLOYMENTS_LOG", "deployments.log")).open("a", encoding="utf-8") as log:
        log.write(f"{deployment.identifier} {deployment.version} {deployment.status} by {deployment.user}\n")
