"""A provider's options: strict, all problems at once, secrets never quoted."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from fraisier import ConfigError, HealthCheck, Options, Secret, Session, Target, read_options
from fraisier.contract.options import convert_options, nearest


class Mode(Enum):
    FAST = "fast"
    SAFE = "safe"


class Mount(Options):
    source: str
    path: str = "/"
    size: int = 0


class Ports(Options):
    http: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 80
    names: list[str] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        if self.http == 22:
            raise ValueError(f"{self.http} is for ssh")


class Everything(Options):
    branch: str = "main"
    repository: str  # stands after an optional one
    keep: Annotated[int, msgspec.Meta(ge=1)] = 5
    wait: float = 1.5
    build: list[str] = msgspec.field(default_factory=list)
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    password: Secret | None = None
    keys: list[Secret] = msgspec.field(default_factory=list)
    mode: Mode = Mode.SAFE
    level: Literal["low", "high"] = "low"
    mount: Mount | None = None
    mounts: list[Mount] = msgspec.field(default_factory=list)
    ports: Ports | None = None
    by_name: dict[str, Mount] = msgspec.field(default_factory=dict)
    name: Annotated[str, msgspec.Meta(pattern="^[a-z]+$")] = "web"

    def __post_init__(self) -> None:
        if self.branch == self.name:
            raise ValueError(f"expected branch and name to differ, both are {self.name}")


def target(options: Mapping[str, Any], folder: Path = Path("/nowhere")) -> Target:
    return Target(
        fraise="my_api",
        environment="production",
        provider="demo",
        options=options,
        folder=folder,
        session=Session(),
    )


def problems_of(**options: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_options(target({"repository": "x"} | options), Everything)
    where = "fraises.my_api.providers.production.config"
    assert all(problem.startswith(where) for problem in caught.value.problems)
    assert all("\n" not in problem for problem in caught.value.problems)
    return [problem.removeprefix(where) for problem in caught.value.problems]


def test_options_are_converted() -> None:
    found = read_options(
        target(
            {
                "repository": "git@host:x",
                "environment": {"A": "1"},
                "password": "hunter2",
                "keys": ["k", 5],
                "mode": "fast",
                "mount": {"source": "/srv"},
                "by_name": {"data": {"source": "/data", "size": 3}},
                "ports": {"http": 8080},
            }
        ),
        Everything,
    )
    assert found == Everything(
        repository="git@host:x",
        environment={"A": "1"},
        password=Secret("hunter2"),
        keys=[Secret("k"), Secret("5")],
        mode=Mode.FAST,
        mount=Mount(source="/srv"),
        by_name={"data": Mount(source="/data", size=3)},
        ports=Ports(http=8080),
    )


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_options(target({"brunch": "main", "keep": 0, "wait": "long", "mode": "fsat"}), Everything)
    where = "fraises.my_api.providers.production.config"
    assert str(caught.value) == f"5 problems in {where}; see: fraisier provider-info demo"
    assert caught.value.problems == [
        f'{where}.brunch: unknown key; did you mean "branch"?',
        f"{where}.keep: expected int >= 1, got 0",
        f"{where}.wait: expected float, got str 'long'",
        f"{where}.mode: expected 'fast' or 'safe', got 'fsat'",
        f"{where}.repository: missing, and required",
    ]


def test_a_single_problem_is_the_message() -> None:
    with pytest.raises(ConfigError) as caught:
        read_options(target({"repository": 5}), Everything)
    assert str(caught.value) == (
        "fraises.my_api.providers.production.config.repository: expected str, got int 5; "
        "see: fraisier provider-info demo"
    )


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"branch": None}, [".branch: expected str, got null"]),
        ({"branch": True}, [".branch: expected str, got bool True"]),
        ({"branch": "x" * 99, "keep": "y" * 99}, [".keep: expected int, got str"]),
        ({"level": "middle"}, [".level: expected 'low' or 'high', got 'middle'"]),
        ({"name": "Web"}, [".name: expected str matching regex '^[a-z]+$', got 'Web'"]),
        ({"build": "make"}, [".build: expected array, got str 'make'"]),
        (
            {"build": ["make", 1, "x", None]},
            [".build[1]: expected str, got int 1", ".build[3]: expected str, got null"],
        ),
        (
            {"environment": {"PORT": 8080, "A": "b", "DEBUG": True}},
            [".environment.PORT: expected str, got int 8080", ".environment.DEBUG: expected str, got bool True"],
        ),
        ({"environment": {8080: "x"}}, [".environment: expected str, got int as a key"]),
        ({"environment": ["A=b"]}, [".environment: expected object, got array"]),
        ({"mount": {}}, [".mount.source: missing, and required"]),
        (
            {"mount": {"sauce": "x", "size": "big"}},
            [
                '.mount.sauce: unknown key; did you mean "source"?',
                ".mount.size: expected int, got str 'big'",
                ".mount.source: missing, and required",
            ],
        ),
        ({"mount": "here"}, [".mount: expected object | null, got str 'here'"]),
        (
            {"mounts": [{"source": "a"}, {"source": 5}, {}]},
            [".mounts[1].source: expected str, got int 5", ".mounts[2].source: missing, and required"],
        ),
        (
            {"by_name": {"a": {"source": "a"}, "b": {"source": "b", "size": 1.5}}},
            [".by_name.b.size: expected int, got float 1.5"],
        ),
        (
            {"ports": {"http": 0, "names": ["a", 1]}},
            [".ports.http: expected int >= 1, got 0", ".ports.names[1]: expected str, got int 1"],
        ),
        ({"ports": {"http": 22}}, [".ports: 22 is for ssh"]),
        ({"password": ["x"]}, [".password: expected str, got list"]),
        ({"password": True}, [".password: expected str, got bool True"]),
        ({"branch": "web"}, [": expected branch and name to differ, both are web"]),
        (
            {"1st": 1},
            [
                ".1st: unknown key; known: branch, build, by_name, environment, keep, keys, level, mode, mount, "
                "mounts, name, password, ports, repository, wait"
            ],
        ),
    ],
)
def test_each_problem_says_where_what_was_expected_and_what_was_found(
    options: dict[str, Any], problems: list[str]
) -> None:
    assert problems_of(**options) == problems


def test_a_secret_becomes_what_the_field_asks_for() -> None:
    found = read_options(
        target(
            {
                "repository": Secret("git@host:x"),
                "keep": Secret("3"),
                "wait": Secret("0.5"),
                "environment": {"TOKEN": Secret("t"), "A": "b"},
                "password": Secret("hunter2"),
                "ports": {"http": Secret("8080")},
                "mode": Secret("fast"),
            }
        ),
        Everything,
    )
    assert found == Everything(
        repository="git@host:x",
        keep=3,
        wait=0.5,
        environment={"TOKEN": "t", "A": "b"},
        password=Secret("hunter2"),
        ports=Ports(http=8080),
        mode=Mode.FAST,
    )


HUNTER = Secret("hunter2", "${PASSWORD}")


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"keep": HUNTER}, [".keep: expected int, which ${PASSWORD} does not give"]),
        ({"keep": Secret("hunter2")}, [".keep: expected int, which a reference does not give"]),
        ({"keep": Secret("0", "${KEEP}")}, [".keep: expected int >= 1, which ${KEEP} does not give"]),
        ({"mode": HUNTER}, [".mode: expected 'fast' or 'safe', which ${PASSWORD} does not give"]),
        ({"level": HUNTER}, [".level: expected 'low' or 'high', which ${PASSWORD} does not give"]),
        (
            {"name": Secret("Hunter", "${NAME}")},
            [".name: expected str matching regex '^[a-z]+$', which ${NAME} does not give"],
        ),
        ({"build": HUNTER}, [".build: expected array, which ${PASSWORD} does not give"]),
        ({"mount": HUNTER}, [".mount: expected object | null, which ${PASSWORD} does not give"]),
        ({"ports": {"http": HUNTER}}, [".ports.http: expected int, which ${PASSWORD} does not give"]),
        (
            {"mounts": [{"source": HUNTER}, {"source": "b", "size": HUNTER}, {"source": HUNTER, "path": 5}]},
            [
                ".mounts[1].size: expected int, which ${PASSWORD} does not give",
                ".mounts[2].path: expected str, got int 5",
            ],
        ),
        ({"ports": {"http": Secret("22", "${PORT}")}}, [".ports: *** is for ssh"]),
        (
            {"branch": Secret("hunter"), "name": Secret("hunter")},
            [": expected branch and name to differ, both are ***"],
        ),
    ],
)
def test_an_error_never_quotes_the_value_of_a_secret(options: dict[str, Any], problems: list[str]) -> None:
    assert problems_of(**options) == problems


def test_subclasses_are_strict_without_saying_so() -> None:
    class Mine(Options):
        optional: int = 1
        required: str

    class Further(Mine):
        last: str

    assert Further(required="a", last="b").optional == 1
    with pytest.raises(TypeError, match=r"^Extra positional arguments provided$"):
        Mine("a")  # type: ignore[call-arg, arg-type]
    with pytest.raises(AttributeError):
        Mine(required="a").optional = 2  # type: ignore[misc]
    assert convert_options({"required": "a", "other": 1}, Further)[1][0].message == (
        "unknown key; known: last, optional, required"
    )


def test_a_subclass_may_say_otherwise() -> None:
    class Renamed(Options, rename="kebab"):
        app_path: str

    found, problems = convert_options({"app-path": "/srv"}, Renamed)
    assert (found, problems) == (Renamed(app_path="/srv"), [])
    assert convert_options({"app_path": "/srv"}, Renamed)[1][0].message == 'unknown key; did you mean "app-path"?'


def test_of_what_is_not_resolved_yet_only_the_name_is_checked() -> None:
    raw = {"repository": "x", "keep": object(), "kepe": object()}
    found, problems = convert_options(raw, Everything, unresolved=["keep", "kepe"])
    assert found is None
    assert [str(problem) for problem in problems] == ['.kepe: unknown key; did you mean "keep"?']
    assert convert_options({"keep": object()}, Everything, unresolved=["keep"])[1][0].path == ("repository",)


@pytest.mark.parametrize(
    ("key", "messages"),
    [("keys", ["expected branch and name to differ, both are web"]), ("build", []), ("mounts", [])],
)
def test_what_spans_several_keys_is_checked_where_only_secrets_are_not_resolved(
    key: str, messages: list[str]
) -> None:
    raw = {"repository": "x", "branch": "web", key: [Secret("${REFERENCE}")]}
    found, problems = convert_options(raw, Everything, unresolved=[key])
    assert (found, [problem.message for problem in problems]) == (None, messages)


def test_a_health_check_is_converted_like_options() -> None:
    found, problems = convert_options({"url": "http://x/", "timeout": Secret("5")}, HealthCheck)
    assert (found, problems) == (HealthCheck(url="http://x/", timeout=5.0), [])
    assert [str(problem) for problem in convert_options({}, HealthCheck)[1]] == [
        ": expected exactly one of url, tcp and command, got none"
    ]


@pytest.mark.parametrize(
    ("name", "valid", "said"),
    [
        ("compos", ["compose", "local"], '; did you mean "compose"?'),
        ("zzz", ["b", "a"], "; known: a, b"),
        ("zzz", [], ""),
    ],
)
def test_the_nearest_name_is_told(name: str, valid: list[str], said: str) -> None:
    assert nearest(name, valid) == said
