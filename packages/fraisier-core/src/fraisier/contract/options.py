"""A provider's keys in `fraises.yaml`, as a strict struct."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from fraisier.contract.errors import ConfigError
from fraisier.contract.models import Target
from fraisier.contract.secret import Secret


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of a provider's options: subclass it, one typed field for each key under `config`.

    Fields may be of any type that msgspec converts, with `typing.Annotated[..., msgspec.Meta(...)]` for bounds
    and descriptions, and `Secret` for what must never be shown. Expose the subclass as `Options` in the module
    that the entry point names: it is what `validate`, `schema` and `provider-info` go by.
    """


class OptionProblem(NamedTuple):
    """One thing wrong with a mapping of options: where in it, and what."""

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{''.join(steps)}: {self.message}"


O = TypeVar("O", bound=msgspec.Struct)  # noqa: E741 - a type variable's customary length


def read_options(target: Target, options: type[O]) -> O:
    """Convert a target's raw options into the provider's own struct.

    Args:
        target: whose `options` to read.
        options: the provider's struct.

    Raises:
        ConfigError: `problems` names every key that is unknown, missing or of a wrong type.
    """
    converted, problems = convert_options(target.options, options)
    if converted is not None:
        return converted
    where = f"fraises.{target.fraise}.providers.{target.environment}.config"
    sentences = [f"{where}{problem}" for problem in problems]
    raise ConfigError(
        sentences[0] if len(sentences) == 1 else f"{len(sentences)} problems in {where}",
        problems=sentences,
        hint=f"see: fraisier provider-info {target.provider}",
    )


def convert_options(
    raw: Mapping[str, Any], options: type[O], unresolved: Collection[str] = ()
) -> tuple[O | None, list[OptionProblem]]:
    """Convert a mapping into a struct, or tell all that is wrong with it.

    Args:
        raw: the mapping, as `fraises.yaml` has it.
        options: the struct.
        unresolved: keys whose values are not known yet (they refer to the environment, a file or a command);
            of these only the names are checked, and nothing is converted when there are any.
    """
    values, problems = _convert_all(raw, options, unresolved)
    if problems or unresolved:
        return None, problems
    try:
        return msgspec.convert(values, options, dec_hook=_decode_secret), []
    except msgspec.ValidationError as error:
        return None, [_problem(error)]


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return `; did you mean "X"?` for the valid name most like `name`, else the list of them, else nothing."""
    names = sorted(valid)
    matches = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if matches:
        return f'; did you mean "{matches[0]}"?'
    return f"; known: {', '.join(names)}" if names else ""


def _convert_all(
    raw: Mapping[str, Any], options: type[msgspec.Struct], unresolved: Collection[str]
) -> tuple[dict[str, Any], list[OptionProblem]]:
    """Convert field by field, since msgspec itself stops at the first error and we tell all of them."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(options)}
    values: dict[str, Any] = {}
    problems: list[OptionProblem] = []
    for key, value in raw.items():
        if key not in fields:
            problems.append(OptionProblem((key,), f"unknown key{nearest(str(key), fields)}"))
        elif key not in unresolved:
            try:
                values[key] = _convert(value, fields[key].type)
            except msgspec.ValidationError as error:
                problems.append(_problem(error, (key,), value))
    missing = [key for key, field in fields.items() if field.required and key not in raw]
    problems += [OptionProblem((key,), "missing, and required") for key in missing]
    return values, problems


def _convert(value: Any, wanted: Any) -> Any:
    """Convert one value; a secret becomes what the field asks for: a port can come from the environment."""
    try:
        return msgspec.convert(value, wanted, dec_hook=_decode_secret)
    except msgspec.ValidationError:
        references: list[str] = []
        revealed = _reveal(value, references)
        if not references:
            raise
        try:
            return msgspec.convert(revealed, wanted, strict=False, dec_hook=_decode_secret)
        except msgspec.ValidationError:
            # The text of that error may quote the value.
            expected = getattr(wanted, "__name__", str(wanted))
            said = f"Expected `{expected}`, which {' and '.join(references)} does not give"
            raise msgspec.ValidationError(said) from None


def _reveal(value: Any, references: list[str]) -> Any:
    if isinstance(value, Secret):
        references.append(value.reference or "a reference")
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: _reveal(each, references) for key, each in value.items()}
    if isinstance(value, list):
        return [_reveal(each, references) for each in value]
    return value


def _decode_secret(wanted: type, value: Any) -> Any:
    if wanted is Secret and isinstance(value, Secret):
        return value
    if wanted is Secret and isinstance(value, str | int) and not isinstance(value, bool):
        return Secret(str(value))
    raise msgspec.ValidationError(f"Expected `str`, got `{type(value).__name__}`")


_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_PATH_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]")


def _problem(error: msgspec.ValidationError, path: tuple[str | int, ...] = (), value: Any = None) -> OptionProblem:
    """Rewrite msgspec's message in the words and the path of `fraises.yaml`."""
    text = str(error)
    match = _PATH.search(text)
    steps = [] if match is None else list(_PATH_STEP.finditer(match["path"]))
    inner = tuple(int(step["index"]) if step["index"] else step["name"] for step in steps)
    sentence = _PATH.sub("", text).replace("`", "")
    if not inner and isinstance(value, str | int | float) and len(repr(value)) < 60:
        sentence += f" {value!r}" if ", got " in sentence else f", got {value!r}"
    return OptionProblem((*path, *inner), sentence[:1].lower() + sentence[1:])
