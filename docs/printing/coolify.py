"""What the provider `coolify` knows of Coolify: its versions, and what its refusals mean."""

from __future__ import annotations

from fraisier_coolify.errors import MEANINGS
from fraisier_coolify.versions import FEATURES


def print_versions() -> None:
    """Print which versions can do what."""
    print("| what | Coolify |\n|---|---|")
    for feature in FEATURES.values():
        print(f"| {feature.meaning} | {', and '.join(_range(*each) for each in feature.ranges)} |")


def print_refusals() -> None:
    """Print what each refusal means, and what to do."""
    print("| message | what to do |\n|---|---|")
    for cause, hint in MEANINGS.values():
        print(f"| `{cause}` | {hint.replace('|', chr(92) + '|')} |")


def _range(since: str, until: str) -> str:
    if not since:
        return f"before {until}"
    return f"{since} to before {until}" if until else f"{since} and later"
