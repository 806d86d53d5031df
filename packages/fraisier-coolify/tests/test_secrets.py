"""The token, and every value of `environment`, is nowhere but in the requests that need it."""

from __future__ import annotations

import gc
import logging
from pathlib import Path

import pytest
from fraisier import FraisierError, HealthCheck, Release, Secret, Session, Target
from fraisier.testing.fakes import RecordingProgress
from fraisier_coolify import hooks
from fraisier_coolify.api import CoolifyClient

from .conftest import POLL, Site
from .standin.coolify import Coolify

VALUE = "a-value-that-nobody-may-see"


@pytest.fixture
def site(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The site, with a secret variable."""
    monkeypatch.setenv("API_SECRET", VALUE)
    site.options["environment"] = {"API_SECRET": "${API_SECRET}"}
    return site


def secrets_of(site: Site) -> list[str]:
    return [site.coolify.token, site.coolify.token.partition("|")[2], VALUE]


def found_in(site: Site, *texts: str) -> list[str]:
    """Return the secrets that are in what was said or in any file that fraisier wrote, its database above all."""
    files = [path for path in site.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files), "there is no history to look at"
    everything = "\n".join(texts).encode() + b"".join(path.read_bytes() for path in files)
    return [secret for secret in secrets_of(site) if secret.encode() in everything]


def test_what_goes_well_tells_no_secret(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = [site.deploy("1.1.0", "--trace", "--verbose")]
    place = ["shop", "production"]
    for words in (["status"], ["history"], ["list"], ["health", *place], ["logs", *place]):
        done = site.fraisier(*words)
        said += [done.out, done.err]
    assert found_in(site, *said, caplog.text) == []
    variables = {each.key: each.value for each in site.coolify.world.applications[0].variables}
    assert variables == {"API_SECRET": VALUE}, "the value did not arrive, so that it could not leak"


@pytest.mark.parametrize(
    "what",
    [
        {"status": 401},
        {"status": 403},
        {"status": 500, "html": True},
        {"status": 502},
        {"cut": True},
        {"refused": True},
        {"slow": 60},
        {"redirect": "http://127.0.0.1:9"},
    ],
    ids=str,
)
def test_what_goes_wrong_tells_no_secret(
    site: Site, what: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site.options |= {"request_timeout": 0.5, "timeout": 2}
    fault = site.coolify.fault("*", times=None, **what)
    said = [site.fraisier("deploy", "shop", "production", "--trace", code=5, trace=True).err]
    said += [site.fraisier("logs", "shop", "production", "--trace", code=6, trace=True).err]
    fault.end()
    assert found_in(site, *said, caplog.text) == []


def test_a_token_that_the_server_itself_says_back_is_masked(site: Site) -> None:
    said = []
    without_its_number = site.coolify.token.partition("|")[2]
    for secret in (site.coolify.token, VALUE, without_its_number):
        fault = site.coolify.fault("GET /version", times=None, status=422, message=f"wrong {secret} given")
        said.append(site.deploy("1.1.0", code=5))
        fault.end()
    shown = "".join(said)
    assert all("wrong *** given" in each for each in said)
    assert not any(secret in shown for secret in (without_its_number, VALUE))


def test_lines_of_a_deployment_and_of_a_container_that_hold_a_secret_are_masked(site: Site) -> None:
    site.coolify.server.name = VALUE
    said = site.deploy("1.1.0")
    assert "Starting deployment of ghcr.io/acme/shop-api:1.1.0 to ***." in said
    site.coolify.say(site.coolify.world.applications[0], f"started with {VALUE}")
    done = site.fraisier("logs", "shop", "production")
    assert "started with ***" in done.out
    assert found_in(site, said, done.out, done.err) == []


def test_the_provider_itself_masks_lines_of_a_deployment(site: Site, tmp_path: Path) -> None:
    """Core masks too: this is without it."""
    site.coolify.server.name = VALUE
    options = site.options | {"api_key": Secret(site.token), "environment": {"API_SECRET": Secret(VALUE)}}
    progress = RecordingProgress()
    with Session() as session:
        target = Target(
            fraise="shop",
            environment="production",
            provider="coolify",
            options=options,
            folder=tmp_path,
            session=session,
        )
        hooks.deploy(target, Release(version="1.1.0"), progress)
    assert "Starting deployment of ghcr.io/acme/shop-api:1.1.0 to ***." in progress.lines


def test_no_object_shows_the_token(coolify: Coolify, tmp_path: Path) -> None:
    """Look at the error, at all that it drags along, and at every object that was made for the request."""
    secret = Secret(coolify.token)
    target = Target(
        fraise="shop",
        environment="production",
        provider="coolify",
        options={"url": "http://127.0.0.1:9", "api_key": secret, "application": "a", "poll_interval": POLL},
        folder=tmp_path,
        session=Session(),
        health_check=HealthCheck(tcp="127.0.0.1:9"),
    )
    with pytest.raises(FraisierError) as raised:
        hooks.deploy(target, Release(version="1.1.0"), RecordingProgress())
    error: BaseException | None = raised.value
    while error is not None:
        assert coolify.token not in repr(error) + str(error) + repr(vars(error))
        error = error.__cause__ or error.__context__
    clients = [each for each in gc.get_objects() if isinstance(each, CoolifyClient)]
    assert clients
    assert not any(coolify.token in repr(each) + str(each) for each in clients)
    target.session.close()
