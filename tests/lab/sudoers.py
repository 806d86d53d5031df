"""The sudo rules of the docs, for another user and unit."""

from __future__ import annotations

from pathlib import Path

DOCUMENTED = Path(__file__).parents[2] / "docs" / "providers" / "bare-metal.sudoers"


def rules(user: str, unit: str) -> str:
    """Return the documented rules with the names of the example replaced."""
    return DOCUMENTED.read_text().replace("my_api.service", unit).replace("\ndeploy ", f"\n{user} ")
