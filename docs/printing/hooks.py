"""The hooks, as a provider's or a plugin's author writes them."""

from __future__ import annotations

import inspect
import textwrap

from fraisier.contract.hookspecs import LifecycleHooks, ProviderHooks


def hook_names(specs: type) -> list[str]:
    """Return the hooks of a class of hookspecs, in their order."""
    return [name for name in vars(specs) if not name.startswith("_")]


def skeleton(specs: type, name: str) -> str:
    """Return a hook as a function without a body: its exact signature, and what the contract says of it."""
    hook = getattr(specs, name)
    signature = str(inspect.signature(hook)).replace("(self, ", "(").replace("'", "")
    contract = textwrap.indent(
        f'"""{inspect.getdoc(hook)}\n"""', "    ", predicate=lambda line: bool(line.strip())
    )
    return f"@hookimpl\ndef {name}{signature}:\n{contract}"


def print_provider_hooks() -> None:
    """Print the six hooks of a provider."""
    _print_all(ProviderHooks)


def print_lifecycle_hooks() -> None:
    """Print the notifications that a plugin can hear."""
    _print_all(LifecycleHooks)


def _print_all(specs: type) -> None:
    for name in hook_names(specs):
        print(f"### `{name}`\n\n```python\n{skeleton(specs, name)}\n```\n")
