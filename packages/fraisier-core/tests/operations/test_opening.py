"""What has to be right before a target is opened: the file, its providers, their options, its references."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from fraisier import ConfigError, ProviderError
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.project import Project
from fraisier.engine.project import operator as who
from fraisier.engine.validation import installed_options, validate

from .conftest import TOKEN, Operator, install
from .scripted import Options

Validate = Callable[[], None]


@pytest.fixture
def validated(operator: Operator) -> Validate:
    def validate_it() -> None:
        validate(operator.write(), Redactor(), operator.display.warn)

    return validate_it


def test_a_good_file_passes(operator: Operator, validated: Validate) -> None:
    operator.standby = {}
    operator.more["staging"] = {"provider": "scripted", "config": {"file": "x"}}
    validated()
    assert operator.calls() == []


def test_all_wrong_options_are_told_at_once_those_of_fallbacks_too(
    operator: Operator, validated: Validate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(operator.folder)
    operator.options["patent"] = True
    operator.standby = {"poor": 7}
    operator.more["staging"] = {"provider": "nowhere"}
    with pytest.raises(ConfigError, match=r"^2 problems in fraises\.yaml$") as caught:
        validated()
    where = "fraises.my_api.providers.production"
    assert [problem.partition(": ")[2] for problem in caught.value.problems] == [
        f'{where}.config.patent: unknown key; did you mean "patient"?',
        f"{where}.fallback.config.poor: expected array, got int 7",
    ]


def test_a_single_problem_is_the_message(operator: Operator, validated: Validate) -> None:
    operator.options["patent"] = True
    with pytest.raises(ConfigError) as caught:
        validated()
    assert [caught.value.message] == caught.value.problems


def test_where_the_options_are_right_the_first_missing_provider_is_told(
    operator: Operator, validated: Validate
) -> None:
    operator.more["staging"] = {"provider": "nowhere"}
    with pytest.raises(ProviderError, match='no provider named "nowhere" is installed'):
        validated()


def test_installed_options_leave_a_broken_provider_out(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "broken", "acme-broken", "fraisier.providers", ["broken"], "import nothing_of_that_name")
    monkeypatch.syspath_prepend(tmp_path / "broken")
    found = installed_options(Redactor(), operator.display.warn)
    assert {"scripted", "standby"} <= found.keys()
    assert found["scripted"].__struct_fields__ == Options.__struct_fields__
    [warning] = operator.warnings()
    assert warning.startswith('provider "broken" (acme-broken 1.2.3) cannot be imported: ModuleNotFoundError')


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("patent", True, 'unknown key; did you mean "patient"?'),
        ("token", "${NOT_THERE}", "NOT_THERE"),
    ],
)
def test_what_is_wrong_with_a_target_is_told_before_it_is_touched_or_anything_recorded(
    operator: Operator, option: str, value: object, message: str
) -> None:
    operator.options[option] = value
    with pytest.raises(ConfigError) as caught:
        operator.deploy("v1")
    assert caught.value.exit_code == 3
    assert message in caught.value.message
    assert (operator.rows(), operator.calls()) == ([], [])


def test_a_file_that_cannot_be_read_is_told_with_all_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "fraises.yaml"
    path.write_text("fraise: {}\nfraises: 7\n")
    with pytest.raises(ConfigError) as caught:
        Project.read(path, Redactor())
    assert len(caught.value.problems) == 2


def test_an_opened_target_knows_its_secrets_its_folder_and_who_deploys(operator: Operator) -> None:
    operator.options["token"] = "${TOKEN}"
    operator.health_check = {"tcp": "127.0.0.1:80"}
    with operator.project.opened(operator.place, operator.display.warn, "d-1") as (provider, target):
        assert (provider.name, target.identifier, target.provider) == ("scripted", "my_api:production", "scripted")
        assert target.options["token"].reveal() == TOKEN
        assert target.health_check is not None
        assert (target.folder, target.deployment_id, target.user) == (operator.folder, "d-1", who())
        session = target.session
    with pytest.raises(RuntimeError, match="the session is closed"):
        session.get("connection", lambda: pytest.fail("it was opened"))


def test_who_deploys_has_a_name_even_without_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    assert who() == f"{getpass.getuser()}@{socket.gethostname()}"
    # As in a container that runs under a uid of its own; to have no account for real takes root.
    monkeypatch.setattr(getpass, "getuser", nameless)
    assert who().startswith("uid ")
    assert who().endswith(f"@{socket.gethostname()}")
