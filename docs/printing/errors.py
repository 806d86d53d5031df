"""The exit codes and kinds of errors, from the classes that carry them."""

from __future__ import annotations

from fraisier.contract import errors

MEANINGS = {
    0: "done, also when there was nothing to do",
    1: "an internal error: a defect of fraisier; run it again with `--trace` and report that",
    2: "wrong usage: an unknown command, option, fraise, environment or version to go back to",
    3: "`fraises.yaml`, a value in it, a reference from it, or the state database is wrong",
    4: "locked: somebody else is deploying this target, or froze it",
    5: "pre-flight failed; nothing was touched",
    6: "the deployment failed; the old version is still in service, unless the message says that it was not "
    "rolled back or that there is none to go back to; for `logs` and `status` of a target: it could not be asked",
    7: "deployed, but not healthy; for `health`: the probe failed",
    8: "the deployment failed and was rolled back; the old version is in service again",
    9: "the rollback failed, or there is no version to go back to: look at the target now",
    10: "a provider is missing or broken, or cannot do what was asked",
    130: "interrupted by Ctrl-C, SIGTERM or SIGHUP; the old version is in service, where there is one and without "
    "`--no-rollback`",
}


def kinds() -> dict[int, list[str]]:
    """Return the kinds of errors by exit code, each once."""
    found: dict[int, list[str]] = {}
    for each in vars(errors).values():
        if isinstance(each, type) and issubclass(each, errors.FraisierError) and hasattr(each, "kind"):
            found.setdefault(each.exit_code, []).append(each.kind)
    return {code: list(dict.fromkeys(known)) for code, known in found.items()}


def print_exit_codes() -> None:
    """Print the table of exit codes."""
    known = kinds()
    print("| code | `kind` | what it means |\n|---|---|---|")
    for code in sorted({0, *known}):
        print(f"| {code} | {', '.join(f'`{kind}`' for kind in known.get(code, [])) or '-'} | {MEANINGS[code]} |")
