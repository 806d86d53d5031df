"""The contract kit: what every provider must do, as tests to inherit.

```python
from fraisier.testing import Case, ProviderContract

class TestContract(ProviderContract):
    provider = "my_provider"

    @pytest.fixture
    def case(self, tmp_path):
        yield Case(options={...}, first="v1", second="v2", broken="v3", folder=tmp_path, fingerprint=...)
```

Tests are added in minor versions only for what the hookspecs already promise. What a provider cannot do is
written down in `unsupported`: the name of a test, and why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from fraisier.contract.errors import ConfigError, FraisierError, Unsupported
from fraisier.contract.models import HealthCheck, Release
from fraisier.engine import operations
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.providers.provider import Provider
from fraisier.testing.bench import ENVIRONMENT, FRAISE, Bench, in_service, secrets_in
from fraisier.testing.case import Case
from fraisier.testing.deadline import SilentServer, within
from fraisier.testing.fakes import IntrudingProgress

_NO_SUCH_VERSION = "no-such-version-9f3b"
_PROBE_TIMEOUT = 0.3
_GRACE = 3.0


class ProviderContract:
    """Inherit this as `class TestContract(ProviderContract)`, name the provider, and override `case`."""

    provider: ClassVar[str]
    """The provider's name in `fraises.yaml`."""
    unsupported: ClassVar[Mapping[str, str]] = {}
    """Tests that cannot pass for this kind of target, each with the reason, which is shown."""

    def __init_subclass__(cls) -> None:
        unknown = [name for name in cls.unsupported if not hasattr(cls, name)]
        if unknown:
            raise TypeError(f"{cls.__name__}.unsupported names what is no test of the kit: {', '.join(unknown)}")

    @pytest.fixture
    def case(self) -> Iterator[Case]:
        """Give a fresh target; whatever was started is ended afterwards. Override this."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture `case`")

    @pytest.fixture(autouse=True)
    def _written_reason(self, request: pytest.FixtureRequest) -> None:
        reason = self.unsupported.get(request.node.originalname)
        if reason:
            pytest.skip(f"{self.provider}: {reason}")

    @pytest.fixture
    def bench(self, case: Case) -> Iterator[Bench]:
        """Give the provider, loaded and on the bench."""
        with closing(Bench(self.provider, case)) as bench:
            yield bench

    def test_the_provider_keeps_to_the_hookspecs(self) -> None:
        Provider.load(self.provider, Redactor(), lambda _: None)

    def test_a_fresh_target_has_nothing_in_service(self, bench: Bench) -> None:
        told = bench.status()
        assert told.release is None
        assert told.state != "running"
        assert not bench.provider.health(bench.target()).healthy

    def test_pre_flight_passes_where_a_deployment_can_work(self, bench: Bench) -> None:
        for version in (None, bench.case.first):
            target = msgspec.structs.replace(bench.target(), version=version)
            checks = bench.provider.pre_flight(target)
            assert [check for check in checks if check.required and not check.passed] == []

    def test_pre_flight_tells_what_to_do_where_it_cannot(self, bench: Bench) -> None:
        if bench.case.impossible is None:
            pytest.skip("the case names no impossible options")
        checks = bench.provider.pre_flight(bench.target(bench.case.impossible))
        failed = [check for check in checks if check.required and not check.passed]
        assert failed, "pre_flight passes on a target that cannot work"
        assert all(check.hint for check in failed), "a failed check has no hint"

    def test_looking_ends_in_time_where_nothing_works(self, bench: Bench) -> None:
        if bench.case.impossible is None:
            pytest.skip("the case names no impossible options")
        for hook, look in bench.looks(bench.target(bench.case.impossible)).items():
            with suppress(FraisierError):
                within(bench.case.deadline, hook, look)

    def test_status_tells_what_was_deployed_in_a_new_process_too(self, bench: Bench) -> None:
        first = bench.deploy(bench.case.first)
        assert first.version == bench.case.first
        assert in_service(bench.status()) == (first.version, first.revision)
        second = bench.deploy(bench.case.second)
        assert second.version == bench.case.second
        assert second.revision != first.revision
        assert in_service(bench.status()) == (second.version, second.revision)
        assert in_service(bench.status_elsewhere()) == (second.version, second.revision)

    def test_looking_changes_nothing(self, bench: Bench) -> None:
        _look_without_trace(bench)
        bench.deploy(bench.case.first)
        told = in_service(bench.status())
        _look_without_trace(bench)
        assert in_service(bench.status()) == told

    def test_deploying_the_same_again_does_nothing(self, bench: Bench) -> None:
        first = bench.deploy(bench.case.first)
        since = bench.status().since
        again = bench.deploy(bench.case.first)
        assert not again.changed, "Deployed.changed must be False when the release was in service already"
        assert (again.version, again.revision) == (first.version, first.revision)
        assert bench.status().since == since, "it was started anew"

    def test_force_deploys_the_same_again(self, bench: Bench) -> None:
        first = bench.deploy(bench.case.first)
        again = bench.deploy(bench.case.first, force=True)
        assert again.changed
        assert in_service(bench.status()) == (first.version, first.revision)

    def test_rollback_works_in_a_new_process_from_what_deploy_returned(self, bench: Bench) -> None:
        first = bench.deploy(bench.case.first)
        bench.deploy(bench.case.second)
        release = Release(version=first.version, revision=first.revision, details=first.details)
        back = bench.rollback_elsewhere(release)
        bench.wait_until_healthy(back)
        assert (back.version, back.revision) == (first.version, first.revision)
        assert in_service(bench.status()) == (first.version, first.revision)

    def test_rollback_works_from_what_status_told(self, bench: Bench) -> None:
        first = bench.deploy(bench.case.first)
        release = bench.status().release
        assert release is not None
        bench.deploy(bench.case.second)
        back = bench.rollback(release)
        assert (back.version, back.revision) == (first.version, first.revision)
        assert in_service(bench.status()) == (first.version, first.revision)

    def test_a_release_that_never_was_is_not_gone_back_to(self, bench: Bench) -> None:
        first = bench.deploy(bench.case.first)
        with pytest.raises(FraisierError):
            bench.rollback(Release(version=_NO_SUCH_VERSION, revision="0" * 40))
        assert in_service(bench.status()) == (first.version, first.revision)

    def test_a_failing_deploy_goes_back_with_an_empty_history(self, bench: Bench, tmp_path: Path) -> None:
        first = bench.deploy(bench.case.first)
        _fail_to_deploy(bench, bench.case.broken, tmp_path)
        assert in_service(bench.status()) == (first.version, first.revision)

    def test_a_failing_deploy_leaves_the_old_version_in_service(self, bench: Bench, tmp_path: Path) -> None:
        project, display = bench.project(tmp_path)
        place = project.config.place(FRAISE, ENVIRONMENT)
        for version in (bench.case.first, bench.case.second):
            operations.deploy(project, place, operations.DeployRequest(version=version), display)
        second = in_service(bench.status())
        _fail_to_deploy(bench, bench.case.broken, tmp_path)
        assert in_service(bench.status()) == second
        back = operations.rollback(project, place, None, display)
        assert back.version == bench.case.first
        assert in_service(bench.status()) == (back.version, back.revision)

    def test_a_version_that_does_not_exist_changes_nothing(self, bench: Bench, tmp_path: Path) -> None:
        first = bench.deploy(bench.case.first)
        _fail_to_deploy(bench, _NO_SUCH_VERSION, tmp_path)
        assert in_service(bench.status()) == (first.version, first.revision)

    def test_a_second_deployment_at_the_same_time_is_refused(self, bench: Bench) -> None:
        other = Bench(self.provider, bench.case)
        progress = IntrudingProgress(lambda: other.deploy(bench.case.second))
        first = bench.provider.deploy(bench.target(), Release(version=bench.case.first), progress)
        other.close()
        assert progress.refused, "no second deployment was refused during any step of the first"
        assert bench.deploy(bench.case.first).revision == first.revision

    def test_logs_are_bounded(self, bench: Bench) -> None:
        bench.deploy(bench.case.first)
        bench.deploy(bench.case.second)
        for lines in (0, 1, 5):
            found = list(bench.provider.logs(bench.target(), lines, False))
            assert len(found) <= lines
            assert not any("\n" in line for line in found), "a line holds a line end"
        with suppress(Unsupported):
            tomorrow = datetime.now(UTC) + timedelta(days=1)
            assert not list(bench.provider.logs(bench.target(), 5, False, tomorrow)), "a line is of tomorrow"

    def test_unknown_options_are_refused_before_anything_is_touched(self, bench: Bench) -> None:
        _refused(bench, {**bench.case.options, "no_such_option": 1})

    def test_missing_options_are_refused_before_anything_is_touched(self, bench: Bench) -> None:
        options = bench.provider.options
        if options is not None and any(field.required for field in msgspec.structs.fields(options)):
            _refused(bench, {})

    def test_secrets_are_nowhere(self, bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
        secrets = secrets_in(bench.case.options)
        if not secrets:
            assert not bench.takes_secrets, "the provider takes secrets: the case must have one"
            return
        targets = [bench.target(), bench.target(bench.case.impossible)]
        said = [_heard(look) for target in targets for look in bench.looks(target).values()]
        first, second = bench.deploy(bench.case.first), bench.deploy(bench.case.second)
        bench.wait_until_healthy(second)
        said += [first, second]
        release = Release(version=first.version, revision=first.revision, details=first.details)
        said += [bench.status(), bench.rollback(release)]
        said += [look() for hook, look in bench.looks(bench.target()).items() if hook != "logs"]
        unknown = bench.target({**bench.case.options, "no_such_option": 1})
        for target, version in (
            (bench.target(), _NO_SUCH_VERSION),
            (bench.target(), bench.case.broken),
            (unknown, bench.case.first),
        ):
            wanted = Release(version=version)
            said.append(_heard(partial(bench.provider.deploy, target, wanted, bench.progress)))
        text = json.dumps(msgspec.to_builtins(said), ensure_ascii=False)
        shown = "\n".join([text, *bench.progress.steps, *bench.progress.lines, *capfd.readouterr()])
        assert not [secret for secret in secrets if secret in shown], "a secret was told or printed"

    def test_hooks_print_nothing(self, bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
        first = bench.deploy(bench.case.first)
        bench.wait_until_healthy(bench.deploy(bench.case.second))
        bench.rollback(Release(version=first.version, revision=first.revision, details=first.details))
        for look in bench.looks(bench.target()).values():
            with suppress(Unsupported):
                look()
        assert capfd.readouterr() == ("", "")

    def test_health_finds_what_works_and_keeps_its_deadline_where_nothing_answers(self, bench: Bench) -> None:
        bench.wait_until_healthy(bench.deploy(bench.case.first))
        with closing(SilentServer()) as silent:
            check = HealthCheck(url=bench.case.silent_url or silent.url, probe_timeout=_PROBE_TIMEOUT)
            target = bench.target(check=check)
            found = within(_PROBE_TIMEOUT + _GRACE, "health", lambda: bench.provider.health(target))
            assert not found.healthy


def _look_without_trace(bench: Bench) -> None:
    for hook, look in bench.looks(bench.target()).items():
        before = bench.case.fingerprint()
        with suppress(Unsupported):
            look()
        assert bench.case.fingerprint() == before, f"{hook} changed the target"


def _fail_to_deploy(bench: Bench, version: str, folder: Path) -> None:
    """Deploy through the engine, which is to end with the old version in service."""
    project, display = bench.project(folder)
    place = project.config.place(FRAISE, ENVIRONMENT)
    with pytest.raises(FraisierError) as failure:
        operations.deploy(project, place, operations.DeployRequest(version=version), display)
    assert failure.value.exit_code in (5, 6, 8), f"the deployment ended with: {failure.value}"


def _heard(call: Callable[[], object]) -> object:
    """Return what a call returns, or all that its error says."""
    try:
        return call()
    except FraisierError as error:
        return [str(error), error.command, error.log, error.problems]


def _refused(bench: Bench, options: Mapping[str, Any]) -> None:
    """Call every hook with options that are wrong."""
    untouched = bench.case.fingerprint()
    target, release = bench.target(options), Release(version=bench.case.first, revision="0" * 40)
    calls = bench.looks(target) | {
        "deploy": lambda: bench.provider.deploy(target, release, bench.progress),
        "rollback": lambda: bench.provider.rollback(target, release, bench.progress),
    }
    for hook, call in calls.items():
        with suppress(ConfigError, Unsupported):
            call()
            pytest.fail(f"{hook} takes options that are wrong")
        assert bench.case.fingerprint() == untouched, f"{hook} noticed too late that its options are wrong"
