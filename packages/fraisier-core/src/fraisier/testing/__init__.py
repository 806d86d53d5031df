"""What a provider author inherits: the contract kit, as a pytest plugin, and fakes.

`from fraisier.testing import Case, ProviderContract`. The names are loaded when they are first used: pytest loads
this package in every run, also where nobody tests a provider.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fraisier.testing.case import Case
    from fraisier.testing.contract import ProviderContract
    from fraisier.testing.fakes import RecordingProgress

__all__ = ["Case", "ProviderContract", "RecordingProgress"]

_MODULE_OF = {"Case": "case", "ProviderContract": "contract", "RecordingProgress": "fakes"}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'fraisier.testing' has no attribute {name!r}")
    return getattr(import_module(f"fraisier.testing.{_MODULE_OF[name]}"), name)
