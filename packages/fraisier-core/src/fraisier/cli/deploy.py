"""`fraisier deploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fraisier.cli.completion import Environment, Fraise, Verbose, WaitLock
from fraisier.cli.invocation import Invocation, command

if TYPE_CHECKING:
    from fraisier.engine.operations import Plan


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "deploy")
    def deploy(
        run: Invocation,
        fraise: Fraise,
        environment: Environment,
        version: Annotated[
            str | None,
            typer.Option(metavar="V", help="What to deploy: a tag, a branch, a commit, an image tag."),
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look, and say what would be done.")] = False,
        force: Annotated[
            bool, typer.Option("--force", help="Put the version in service again even if it already is.")
        ] = False,
        no_rollback: Annotated[
            bool, typer.Option("--no-rollback", help="Leave a version that fails as it is.")
        ] = False,
        wait_lock: WaitLock = None,
        verbose: Verbose = False,
    ) -> None:
        """Put a version of a service in service; if it fails, go back to the one before.

        Exit codes: 0 in service, 5 pre-flight failed, 6 failed with the old version still in service, 7 not
        healthy (with --no-rollback, or with nothing to go back to), 8 failed and rolled back, 9 rollback failed.
        """
        from fraisier.cli.display import showing_progress
        from fraisier.cli.render import deployment_sentence, print_json, print_text
        from fraisier.engine import operations
        from fraisier.engine.configuration.durations import parse_duration

        project = run.project(verbose)
        place = project.config.place(fraise, environment)
        if version is not None and not version.strip():
            raise typer.BadParameter("--version must not be empty")
        request = operations.DeployRequest(
            version=version,
            force=force,
            rollback=not no_rollback,
            wait_lock=0.0 if wait_lock is None else parse_duration(wait_lock),
        )
        if dry_run:
            with showing_progress() as display:
                planned = operations.plan(project, place, version, display)
            _show_plan(run, planned)
            return
        with showing_progress() as display:
            done = operations.deploy(project, place, request, display)
        if run.json:
            print_json(done)
        else:
            print_text(deployment_sentence(done))


def _show_plan(run: Invocation, plan: Plan) -> None:
    """Print what would be done, and fail as the deployment would where pre-flight does."""
    from fraisier.cli.render import print_json, print_text
    from fraisier.contract.errors import PreFlightError
    from fraisier.engine.attempt import shown
    from fraisier.engine.operations import check_sentence

    failed = [check for check in plan.checks if check.required and not check.passed]
    if run.json:
        print_json(plan)
    else:
        for check in plan.checks:
            print_text(f"{'ok    ' if check.passed else 'failed'}  {check_sentence(check)}")
        now = shown(plan.current_version, plan.current_revision)
        wanted = plan.version or f"the default version of {plan.provider}"
        name = f"{plan.fraise} {plan.environment}"
        print_text(
            f"{name}: would deploy {wanted} with {plan.provider}, in service now: {now}; nothing was changed"
        )
    if failed:
        raise typer.Exit(PreFlightError.exit_code)
