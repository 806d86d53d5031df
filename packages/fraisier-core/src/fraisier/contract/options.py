"""A provider's keys in `fraises.yaml`, as a strict struct."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
)

import msgspec

from fraisier.contract.errors import ConfigError
from fraisier.contract.models import Target
from fraisier.contract.secret import MASK, Secret

M = TypeVar("M", bound="_Strict")


class _Strict(msgspec.StructMeta):
    """Gives every subclass the settings of `Options`: msgspec itself does not hand `kw_only` down."""

    def __new__(
        mcls: type[M], name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **settings: Any
    ) -> M:
        strict = {"frozen": True, "kw_only": True, "forbid_unknown_fields": True}
        return super().__new__(mcls, name, bases, namespace, **(strict | settings))


# On the class itself: a type checker goes by the nearest base that has one, and msgspec's own says otherwise.
@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Options(msgspec.Struct, metaclass=_Strict, frozen=True):
    """The base of a provider's options: subclass it, one typed field for each key under `config`.

    Subclasses are frozen, take keywords only (so required fields may stand after optional ones) and refuse
    unknown keys, without saying so.

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
        unresolved: keys whose values are not known yet (they refer to the environment, a file or a command).
            Where every such reference stands as a `Secret` for which the struct asks, a key counts as known.
            Of the others only the names are checked, and nothing is converted when there are any.
    """
    values, problems = _convert_all(raw, options, unresolved)
    if problems or not values.keys() >= raw.keys():
        return None, problems
    try:
        return msgspec.convert(values, options, dec_hook=_decode_secret), []
    except msgspec.ValidationError as error:
        # What `__post_init__` says may quote a value.
        return None, [_problem(msgspec.ValidationError(_masked(str(error), _secrets(raw))))]


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return `; did you mean "X"?` for the valid name most like `name`, else the list of them, else nothing."""
    names = sorted(valid)
    matches = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if matches:
        return f'; did you mean "{matches[0]}"?'
    return f"; known: {', '.join(names)}" if names else ""


def _convert_all(
    raw: Mapping[str, Any], options: type[msgspec.Struct], unresolved: Collection[str] = ()
) -> tuple[dict[str, Any], list[OptionProblem]]:
    """Convert field by field, since msgspec itself stops at the first error and we tell all of them."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(options)}
    values: dict[str, Any] = {}
    problems: list[OptionProblem] = []
    for key, value in raw.items():
        if key not in fields:
            problems.append(OptionProblem((key,), f"unknown key{nearest(str(key), fields)}"))
        elif key in unresolved:
            with suppress(msgspec.ValidationError):
                values[key] = msgspec.convert(value, fields[key].type, dec_hook=_decode_secret)
        else:
            try:
                values[key] = _convert(value, fields[key].type)
            except msgspec.ValidationError as error:
                problems += _beneath(key, _problems_of(value, fields[key].type, error))
    missing = [key for key, field in fields.items() if field.required and key not in raw]
    problems += [OptionProblem((key,), "missing, and required") for key in missing]
    return values, problems


def _convert(value: Any, wanted: Any) -> Any:
    """Convert one value; a secret becomes what the field asks for: a port can come from the environment."""
    try:
        return msgspec.convert(value, wanted, dec_hook=_decode_secret)
    except msgspec.ValidationError:
        secrets = list(_secrets(value))
        if not secrets:
            raise
        try:
            return msgspec.convert(_reveal(value), wanted, strict=False, dec_hook=_decode_secret)
        except msgspec.ValidationError as error:
            text = str(error)
            if isinstance(value, Secret):
                expected = _EXPECTED.match(text)
                said = expected[0] if expected else _choice(_bare(wanted)) or "Expected another value"
                text = f"{said}, which {value.reference or 'a reference'} does not give"
            raise msgspec.ValidationError(_masked(text, secrets)) from None


def _problems_of(value: Any, wanted: Any, error: msgspec.ValidationError) -> list[OptionProblem]:
    """Return all that is wrong inside a value that did not convert."""
    wanted = _bare(wanted)
    inner: list[tuple[Any, Any, Any]] = []
    if isinstance(value, Mapping) and isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        problems = _convert_all(value, wanted)[1]
        return problems or [_problem(error, wanted, value)]
    arguments = get_args(wanted)
    if isinstance(value, Mapping) and len(arguments) == 2:
        inner = [(key, each, arguments[1]) for key, each in value.items()]
    elif isinstance(value, list) and get_origin(wanted) in (list, set, frozenset):
        inner = [(index, each, arguments[0]) for index, each in enumerate(value)]
    found: list[OptionProblem] = []
    for step, each, kind in inner:
        try:
            _convert(each, kind)
        except msgspec.ValidationError as its_own:
            found += _beneath(step, _problems_of(each, kind, its_own))
    return found or [_problem(error, wanted, value)]


def _beneath(step: Any, problems: list[OptionProblem]) -> list[OptionProblem]:
    return [OptionProblem((step, *problem.path), problem.message) for problem in problems]


def _bare(wanted: Any) -> Any:
    """Return a type without its annotations, and without `| None`."""
    while get_origin(wanted) is Annotated:
        wanted = get_args(wanted)[0]
    if get_origin(wanted) in (Union, UnionType):
        kinds = [kind for kind in get_args(wanted) if kind is not NoneType]
        return _bare(kinds[0]) if len(kinds) == 1 else wanted
    return wanted


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _secrets(each)


def _reveal(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: _reveal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_reveal(each) for each in value]
    return value


def _masked(text: str, secrets: Iterable[Secret]) -> str:
    """Return a message without the secrets that it quotes."""
    for value in sorted({secret.reveal() for secret in secrets if secret}, key=len, reverse=True):
        text = text.replace(repr(value)[1:-1], MASK).replace(value, MASK)
    return text


def _decode_secret(wanted: type, value: Any) -> Any:
    if wanted is Secret and isinstance(value, Secret):
        return value
    if wanted is Secret and isinstance(value, str | int) and not isinstance(value, bool):
        return Secret(str(value))
    raise msgspec.ValidationError(f"Expected `str`, got `{type(value).__name__}`")


_EXPECTED = re.compile(r"Expected `[^`]*`(?: (?!got)[^,]*)?")
_PATH = re.compile(r" - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`$")
_PATH_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]")


def _problem(error: msgspec.ValidationError, wanted: Any = None, value: Any = None) -> OptionProblem:
    """Rewrite msgspec's message in the words and the path of `fraises.yaml`."""
    text = str(error)
    match = _PATH.search(text)
    steps = [] if match is None else list(_PATH_STEP.finditer(match["path"]))
    path = tuple(int(step["index"]) if step["index"] else step["name"] for step in steps)
    sentence = _PATH.sub("", text).replace("`", "")
    if match is not None and match["key"]:
        sentence += " as a key"
    if sentence.startswith("Invalid enum value"):
        sentence = _choice(wanted) or sentence
    if not path and isinstance(value, str | int | float) and len(repr(value)) < 60:
        sentence += f" {value!r}" if ", got " in sentence else f", got {value!r}"
    return OptionProblem(path, sentence[:1].lower() + sentence[1:])


def _choice(wanted: Any) -> str:
    """Return the sentence that names what a type allows, or an empty text when it is no list of values."""
    choices: tuple[Any, ...] = get_args(wanted) if get_origin(wanted) is Literal else ()
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        choices = tuple(member.value for member in wanted)
    return f"Expected {' or '.join(map(repr, choices))}" if choices else ""
