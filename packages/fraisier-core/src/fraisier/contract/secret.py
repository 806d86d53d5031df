"""A value that must not be seen."""

from __future__ import annotations

from typing import Final, NoReturn, final

MASK: Final = "***"


@final
class Secret:
    """A string that prints as `***` wherever it lands: `str`, `repr`, `format`, logs, tracebacks.

    `reveal()` gives the string itself, for the one call that needs it. A secret can be neither pickled nor
    encoded as JSON, so it cannot be stored by accident.

    Args:
        value: the secret text.
        reference: how `fraises.yaml` refers to it, such as `${DATABASE_URL}`; this may be shown.
    """

    __slots__ = ("_value", "reference")

    def __init__(self, value: str, reference: str = "") -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> str:
        """Return the text that this secret hides."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")
