"""`fraisier providers`, `provider-info` and `provider-test`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fraisier.cli.completion import Environment, Fraise
from fraisier.cli.invocation import Invocation, command


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, "providers")
    def providers(
        run: Invocation,
        check: Annotated[
            bool, typer.Option("--check", help="Import each one and hold it to the contract.")
        ] = False,
    ) -> None:
        """List the installed providers, from metadata alone: nothing is imported."""
        from fraisier.cli.render import print_json, print_table
        from fraisier.engine.providers.discovery import installed_providers

        found: list[dict[str, Any]] = [
            {"name": each.name, "distribution": each.distribution, "version": each.version}
            for each in installed_providers()
        ]
        headings = ["name", "distribution", "version"]
        if check:
            headings.append("problem")
            for each in found:
                each["problem"] = _problem(run, each["name"])
        if run.json:
            print_json(found)
        else:
            rows = [[each[heading] for heading in headings] for each in found]
            print_table(headings, rows, "no provider is installed; fraisier-local is the one to begin with")
        if any(each.get("problem") for each in found):
            from fraisier.contract.errors import ProviderError

            raise typer.Exit(ProviderError.exit_code)

    @command(app, "provider-info")
    def provider_info(run: Invocation, name: Annotated[str, typer.Argument(help="The provider's name.")]) -> None:
        """Show a provider's version, its options, and where this file uses it."""
        from fraisier.cli.display import warn
        from fraisier.cli.render import print_json, print_table, print_text
        from fraisier.engine.configuration.json_schema import options_schema
        from fraisier.engine.providers.provider import Provider

        provider = Provider.load(name, run.redactor, warn)
        options: dict[str, Any] = (
            {"type": "object"} if provider.options is None else options_schema(provider.options)
        )
        used = _used_in(run, name)
        if run.json:
            print_json(
                {
                    "name": provider.name,
                    "distribution": provider.distribution,
                    "version": provider.version,
                    "options": options,
                    "used_in": used,
                }
            )
            return
        print_text(f"{provider.name}, from {provider.distribution} {provider.version}")
        places = ", ".join(f"{each['fraise']} {each['environment']}" for each in used)
        print_text(f"used in: {places or 'nothing here'}\n")
        rows = [_option_row(options, key, about) for key, about in options.get("properties", {}).items()]
        print_table(("option", "default", "what it is"), rows, "it declares no options")

    @command(app, "provider-test")
    def provider_test(run: Invocation, fraise: Fraise, environment: Environment) -> None:
        """Run a target's pre-flight checks and nothing else; exit code 0 when all pass and 5 when not."""
        from fraisier.cli.display import warn
        from fraisier.cli.render import print_json, print_text
        from fraisier.contract.errors import PreFlightError
        from fraisier.engine import reading
        from fraisier.engine.operations import check_sentence

        project = run.project()
        result = reading.provider_test(project, project.config.place(fraise, environment), warn)
        if run.json:
            print_json(result)
        else:
            for each in result.checks:
                mark = "ok" if each.passed else "failed" if each.required else "warning"
                print_text(f"{mark.ljust(7)}  {check_sentence(each)}")
        if not result.passed:
            raise typer.Exit(PreFlightError.exit_code)


def _problem(run: Invocation, name: str) -> str:
    from fraisier.cli.display import warn
    from fraisier.contract.errors import ProviderError
    from fraisier.engine.providers.provider import Provider

    try:
        Provider.load(name, run.redactor, warn)
    except ProviderError as error:
        return str(error)
    return ""


def _used_in(run: Invocation, name: str) -> list[dict[str, str]]:
    """Return where the file at hand uses a provider; without a file that is nowhere."""
    from fraisier.contract.errors import ConfigError

    try:
        path = run.config_path()
    except ConfigError:
        return []
    from fraisier.engine.configuration.config import load_config

    places = load_config(path).places.values()
    using = [place for place in places if name in (place.provider, place.fallback and place.fallback.provider)]
    return [{"fraise": place.fraise, "environment": place.environment} for place in using]


def _option_row(options: dict[str, Any], key: str, about: dict[str, Any]) -> tuple[str, str, str]:
    default = "required" if key in options.get("required", []) else str(about.get("default", ""))
    return key, default, about.get("description", "")
