"""What may stand under `config`, and what is refused before anything is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fraisier import ConfigError, Secret, Session, Target
from fraisier_compose import hooks

GOOD: dict[str, Any] = {"compose_file": "compose.yaml", "service_name": "web"}


def problems(options: dict[str, Any]) -> str:
    """Return what is said of options, by a hook that would ask an engine otherwise."""
    with Session() as session, pytest.raises(ConfigError) as raised:
        hooks.status(
            Target(
                fraise="my_api",
                environment="test",
                provider="docker_compose",
                options=options,
                folder=Path("/nowhere"),
                session=session,
            )
        )
    return "\n".join([raised.value.message, *raised.value.problems])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"compose_file": []}, "compose_file: expected at least one"),
        ({"compose_file": ["a.yaml", "a.yaml"]}, "compose_file: expected each one once"),
        ({"compose_file": "-f"}, "compose_file: expected paths"),
        ({"compose_file": "a\nb"}, "compose_file: expected paths"),
        ({"compose_file": 3}, "expected str | array, got int"),
        ({"service_name": []}, "service_name: expected at least one"),
        ({"service_name": ["web", "web"]}, "service_name: expected each one once"),
        ({"service_name": "--all"}, "service_name: expected names of services"),
        ({"service_name": "web; ls"}, "service_name: expected names of services"),
        ({"service_name": ["web", "a b"]}, "service_name: expected names of services, got 'a b'"),
        ({"project_name": "My_Api"}, "project_name"),
        ({"project_name": "-p"}, "project_name"),
        ({"profiles": ["--x"]}, "profiles[0]"),
        ({"image": "acme/my_api:v1"}, "image"),
        ({"image": "UPPER"}, "image"),
        ({"image": "--x"}, "image"),
        ({"version_variable": "A B"}, "version_variable"),
        ({"env_file": "--x"}, "env_file: expected paths"),
        ({"environment": {"A=B": "x"}}, "environment"),
        ({"environment": {"A": Secret("a\0b", "${A}")}}, "expected no NUL character"),
        ({"docker_host": "http://somewhere"}, "docker_host"),
        ({"docker_host": "ssh://-oProxyCommand=ls"}, "docker_host"),
        ({"docker_host": "ssh://a@-oProxyCommand=ls"}, "docker_host"),
        ({"docker_host": "ssh://-a@host"}, "docker_host"),
        ({"docker_host": "ssh://host/a b"}, "docker_host"),
        ({"docker_host": "unix://relative"}, "docker_host"),
        ({"docker_host": "unix:///a", "context": "b"}, "expected docker_host or context, not both"),
        ({"context": "-c"}, "context"),
        ({"registry": {"server": "r.example.com"}}, "registry.username: missing"),
        ({"registry": {"server": "https://r", "username": "a", "password": "b"}}, "registry.server"),
        ({"registry": {"server": "r", "username": "a\nb", "password": "b"}}, "registry.username"),
        ({"pull": "sometimes"}, "'always' or 'missing' or 'never'"),
        ({"build": "yes"}, "build"),
        ({"wait_timeout": 0}, "wait_timeout"),
        ({"stop_timeout": -1}, "stop_timeout"),
        ({"keep_images": 1}, "keep_images"),
        ({"deadlines": {"pul": 3}}, 'deadlines.pul: unknown key; did you mean "pull"?'),
        ({"servce_name": "web"}, 'servce_name: unknown key; did you mean "service_name"?'),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, Any], said: str) -> None:
    assert said in problems(GOOD | options)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    said = problems({"service_name": "web", "pull": "x", "keep_images": 0})
    assert "compose_file: missing" in said
    assert "pull" in said
    assert "keep_images" in said


@pytest.mark.parametrize("options", [{"password": "p4ss"}, {"username": "a\nb"}, {"port": 5}])
def test_a_password_is_not_told(options: dict[str, Any]) -> None:
    registry = {"server": "r", "username": "a", "password": Secret("p4ss", "${P}"), **options}
    assert "p4ss" not in problems(GOOD | {"registry": registry, "pull": "x"})


def test_a_file_is_validated_without_what_speaks_to_an_engine(tmp_path: Path) -> None:
    target = {"provider": "docker_compose", "config": GOOD}
    (tmp_path / "fraises.yaml").write_text(json.dumps({"fraises": {"api": {"providers": {"test": target}}}}))
    program = (
        "import sys; from fraisier.cli.main import run; code = run(['validate']); had = sys.modules; "
        "sys.exit(code or 'fraisier_compose.docker' in had or 'fraisier_compose.options' not in had)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
