"""Environment variables, of which every second one is a twin."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from .conftest import Client
from .coolify import Coolify

ALL_FLAGS = {"is_literal": False, "is_multiline": False, "is_shown_once": False}


@pytest.fixture
def path(coolify: Coolify) -> str:
    return f"/applications/{coolify.add_application().uuid}/envs"


def values(api: Client, path: str, *, preview: bool = False) -> dict[str, Any]:
    """Return the values of the production rows, or of their twins."""
    return {each["key"]: each.get("value") for each in api.get(path) if each["is_preview"] is preview}


def test_making_one_makes_a_preview_twin_that_later_changes_do_not_touch(api: Client, path: str) -> None:
    assert list(api.post(path, {"key": "A", "value": "1"}, 201)) == ["uuid"]
    assert [each["key"] for each in api.get(path)] == ["A", "A"]
    assert api.patch(path, {"key": "A", "value": "2"}, 201)["value"] == "2"
    assert (values(api, path), values(api, path, preview=True)) == ({"A": "2"}, {"A": "1"})


def test_making_one_twice_is_a_conflict_and_changing_one_that_is_not_there_404(api: Client, path: str) -> None:
    api.post(path, {"key": "A", "value": "1"}, 201)
    told = api.post(path, {"key": "A", "value": "2"}, 409)
    assert told == {"message": "Environment variable already exists. Use PATCH request to update it."}
    assert api.patch(path, {"key": "B", "value": "2"}, 404) == {"message": "Environment variable not found."}


@pytest.mark.parametrize("value", [1, True, 1.5, ["a"]])
def test_a_value_is_text_or_nothing(api: Client, path: str, value: object) -> None:
    assert "value" in api.post(path, {"key": "A", "value": value}, 422)["errors"]
    api.post(path, {"key": "A", "value": None}, 201)


def test_an_unknown_key_is_refused_by_itself_and_dropped_among_others(api: Client, path: str) -> None:
    sent = {"key": "A", "value": "1", "is_build_time": True}
    told = api.post(path, sent, 422)
    # An error is a list or, as here, a bare text.
    assert told["errors"] == {"is_build_time": "This field is not allowed."}
    api.patch(f"{path}/bulk", {"data": [sent]}, 201)
    assert values(api, path) == {"A": "1"}


def test_many_at_once_stay_as_far_as_they_got(api: Client, path: str) -> None:
    data = [{"key": "A", "value": "1"}, {"key": "B", "value": 2}, {"key": "C", "value": "3"}]
    told = api.patch(f"{path}/bulk", {"data": data}, 422)
    assert "B" not in str(told)
    assert values(api, path) == {"A": "1"}


def test_many_at_once_are_made_or_changed_and_none_is_deleted(api: Client, path: str) -> None:
    api.post(path, {"key": "OLD", "value": "0"}, 201)
    api.post(path, {"key": "A", "value": "1"}, 201)
    told = api.patch(f"{path}/bulk", {"data": [{"key": "A", "value": "2"}, {"key": "B", "value": "3"}]}, 201)
    assert [(each["key"], each["value"]) for each in told] == [("A", "2"), ("B", "3")]
    assert values(api, path) == {"OLD": "0", "A": "2", "B": "3"}


def test_a_flag_that_is_not_sent_is_lost_or_breaks_the_change(api: Client, path: str) -> None:
    api.post(path, {"key": "A", "value": "1", "is_literal": True}, 201)
    assert api.patch(path, {"key": "A", "value": "2"}, 201)["is_literal"] is False
    api.post(path, {"key": "B", "value": "1", "is_multiline": True}, 201)
    api.patch(path, {"key": "B", "value": "2"}, 500)
    api.patch(path, {"key": "B", "value": "2", **ALL_FLAGS, "is_multiline": True}, 201)
    assert values(api, path)["B"] == "2"


def test_one_that_is_shown_once_is_never_shown_again(api: Client, path: str) -> None:
    api.post(path, {"key": "A", "value": "1", "is_shown_once": True}, 201)
    assert not any("value" in each or "real_value" in each for each in api.get(path))


def test_the_real_value_is_quoted_for_a_shell(api: Client, path: str) -> None:
    api.post(path, {"key": "A", "value": "it's"}, 201)
    assert {each["real_value"] for each in api.get(path)} == {"'it'\\''s'"}


def test_one_is_deleted_by_its_uuid(api: Client, path: str) -> None:
    uuid = api.post(path, {"key": "A", "value": "1"}, 201)["uuid"]
    assert api.ask("DELETE", f"{path}/{uuid}").json() == {"message": "Environment variable deleted."}
    assert values(api, path) == {}
    assert values(api, path, preview=True) == {"A": "1"}
    assert api.ask("DELETE", f"{path}/{uuid}").status_code == 404


def test_a_change_acts_on_the_next_deployment(coolify: Coolify, api: Client) -> None:
    application = coolify.add_application()
    coolify.put_in_service(application)
    api.post(f"/applications/{application.uuid}/envs", {"key": "APP_VERSION", "value": "7"}, 201)
    assert "APP_VERSION" not in requests.get(coolify.site(application), timeout=20).text
    coolify.put_in_service(application)
    assert "APP_VERSION=7\n" in requests.get(coolify.site(application), timeout=20).text


def test_those_of_a_service_have_other_keys_and_are_merged(coolify: Coolify, api: Client) -> None:
    path = f"/services/{coolify.add_service().uuid}/envs"
    made = api.post(path, {"key": "TAG", "value": "1", "is_literal": True, "is_preview": True}, 201)
    assert made["value"] == "1"
    assert not {"is_preview", "is_runtime", "is_buildtime"} & set(made)
    assert api.patch(path, {"key": "TAG", "value": "2"}, 201)["is_literal"] is True
    assert [each["key"] for each in api.get(path)] == ["TAG"]
    (changed,) = api.patch(f"{path}/bulk", {"data": [{"key": "TAG", "value": "3"}]}, 201)
    assert (changed["value"], changed["is_literal"]) == ("3", True)


def test_the_application_of_variables_loses_its_full_stop(api: Client) -> None:
    assert api.ask("GET", "/applications/nothing/envs").json() == {"message": "Application not found"}
