"""What the contract kit asks of a provider."""

from __future__ import annotations

from fraisier.testing import ProviderContract


def kit_tests() -> list[str]:
    """Return the names of the kit's tests, in their order."""
    return [name for name in vars(ProviderContract) if name.startswith("test_")]


def print_kit() -> None:
    """Print every test as the sentence that its name is."""
    for name in kit_tests():
        sentence = name.removeprefix("test_").replace("_", " ").replace("pre flight", "`pre_flight`")
        print(f"- {sentence}")
