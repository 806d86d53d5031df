"""The contract kit: what every provider must do, as tests to inherit.

```python
from fraisier.testing.case import Case
from fraisier.testing.contract import ProviderContract

class TestContract(ProviderContract):
    provider = "my_provider"

    @pytest.fixture
    def case(self, tmp_path):
        yield Case(options={...}, first="v1", second="v2", broken="v3", folder=tmp_path)
```

Tests are added in minor versions only for what the hookspecs already promise. What a provider cannot do is
written down in `unsupported`: the name of a test, and why.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from fraisier.contract.errors import ConfigError, FraisierError
from fraisier.contract.models import HealthCheck, Release
from fraisier.engine import operations
from fraisier.engine.waiting import wait_until_healthy
from fraisier.testing.bench import ENVIRONMENT, FRAISE, Bench, secrets_in
from fraisier.testing.case import Case

_PROBE_TIMEOUT = 1.0
_GRACE = 3.0


class ProviderContract:
    """Inherit this as `class TestContract(ProviderContract)`, name the provider, and override `case`."""

    provider: ClassVar[str]
    """The provider's name in `fraises.yaml`."""
    unsupported: ClassVar[Mapping[str, str]] = {}
    """Tests that cannot pass for this kind of target, each with the reason, which is shown."""

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
        bench = Bench(self.provider, case)
        with bench.session:
            yield bench

    def test_the_provider_keeps_to_the_hookspecs(self) -> None:
        Bench(self.provider, Case(options={}, first="", second="", broken="", folder=Path()))

    def test_a_fresh_target_has_nothing_in_service(self, bench: Bench) -> None:
        told = bench.status()
        assert told.release is None
        assert told.state != "running"

    def test_pre_flight_passes_where_a_deployment_can_work(self, bench: Bench) -> None:
        failed = [
            check for check in bench.provider.pre_flight(bench.target()) if check.required and not check.passed
        ]
        assert failed == []

    def test_pre_flight_tells_what_to_do_where_it_cannot(self, bench: Bench) -> None:
        if bench.case.impossible is None:
            pytest.skip("the case names no impossible options")
        checks = bench.provider.pre_flight(bench.target(bench.case.impossible))
        failed = [check for check in checks if check.required and not check.passed]
        assert failed, "pre_flight passes on a target that cannot work"
        assert all(check.hint for check in failed), "a failed check has no hint"

    def test_status_tells_what_was_deployed(self, bench: Bench) -> None:
        deployed = bench.deploy(bench.case.first)
        assert deployed.version == bench.case.first
        assert bench.in_service() == (deployed.version, deployed.revision)
        newer = bench.deploy(bench.case.second)
        assert newer.revision != deployed.revision
        assert bench.in_service() == (newer.version, newer.revision)

    def test_looking_changes_nothing(self, bench: Bench) -> None:
        untouched = bench.case.fingerprint()
        self._look(bench)
        assert bench.case.fingerprint() == untouched, "looking at a fresh target changed it"
        bench.deploy(bench.case.first)
        before, told = bench.case.fingerprint(), bench.in_service()
        self._look(bench)
        assert bench.case.fingerprint() == before, "pre_flight, status, health or logs changed the target"
        assert bench.in_service() == told

    def test_deploying_the_same_again_does_nothing(self, bench: Bench) -> None:
        first = bench.deploy(bench.case.first)
        again = bench.deploy(bench.case.first)
        assert not again.changed, "Deployed.changed must be False when the release was in service already"
        assert (again.version, again.revision) == (first.version, first.revision)

    def test_force_deploys_the_same_again(self, bench: Bench) -> None:
        first = bench.deploy(bench.case.first)
        again = bench.deploy(bench.case.first, force=True)
        assert again.changed
        assert bench.in_service() == (first.version, first.revision)

    def test_rollback_works_in_a_new_process_from_what_deploy_returned(self, bench: Bench) -> None:
        first = bench.deploy(bench.case.first)
        bench.deploy(bench.case.second)
        release = Release(version=first.version, revision=first.revision, details=first.details)
        bench.rollback_elsewhere(release)
        assert bench.in_service() == (first.version, first.revision)
        wait_until_healthy(bench.provider, bench.target(), first.version, first.revision, bench.progress)

    def test_rollback_works_from_what_status_told(self, bench: Bench) -> None:
        first = bench.deploy(bench.case.first)
        release = bench.status().release
        assert release is not None
        bench.deploy(bench.case.second)
        deployed = bench.provider.rollback(bench.target(), release, bench.progress)
        assert (deployed.version, deployed.revision) == (first.version, first.revision)
        assert bench.in_service() == (first.version, first.revision)

    def test_a_failing_deploy_goes_back_with_an_empty_history(self, bench: Bench, tmp_path: Path) -> None:
        first = bench.deploy(bench.case.first)
        self._fail_to_deploy(bench, bench.case.broken, tmp_path)
        assert bench.in_service() == (first.version, first.revision)

    def test_a_failing_deploy_leaves_the_old_version_in_service(self, bench: Bench, tmp_path: Path) -> None:
        project, display = bench.project(tmp_path)
        place = project.config.place(FRAISE, ENVIRONMENT)
        for version in (bench.case.first, bench.case.second):
            operations.deploy(project, place, operations.DeployRequest(version=version), display)
        second = bench.in_service()
        self._fail_to_deploy(bench, bench.case.broken, tmp_path)
        assert bench.in_service() == second
        back = operations.rollback(project, place, None, display)
        assert (back.version, back.revision) == bench.in_service()
        assert back.version == bench.case.first

    def test_a_version_that_does_not_exist_changes_nothing(self, bench: Bench, tmp_path: Path) -> None:
        first = bench.deploy(bench.case.first)
        self._fail_to_deploy(bench, "no-such-version-9f3b", tmp_path)
        assert bench.in_service() == (first.version, first.revision)

    @pytest.mark.parametrize("lines", [0, 1, 5])
    def test_logs_are_bounded(self, bench: Bench, lines: int) -> None:
        bench.deploy(bench.case.first)
        assert len(list(bench.provider.logs(bench.target(), lines, False))) <= lines

    def test_unknown_options_are_refused_before_anything_is_touched(self, bench: Bench) -> None:
        self._refused(bench, {**bench.case.options, "no_such_option": 1})

    def test_missing_options_are_refused_before_anything_is_touched(self, bench: Bench) -> None:
        if bench.provider.options is None or not any(
            field.required for field in msgspec.structs.fields(bench.provider.options)
        ):
            pytest.skip("the provider requires no option")
        self._refused(bench, {})

    def test_secrets_are_nowhere(self, bench: Bench, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        secrets = secrets_in(bench.case.options)
        if not secrets:
            pytest.skip("the case has no secret in its options")
        said: list[Any] = [
            bench.deploy(bench.case.first),
            bench.status(),
            bench.provider.pre_flight(bench.target()),
        ]
        said.append(bench.provider.health(bench.target()))
        for release in (Release(version="no-such-version-9f3b"), Release(version=bench.case.broken)):
            with suppress(FraisierError):
                try:
                    deployed = bench.provider.deploy(bench.target(), release, bench.progress)
                    said.append(deployed)
                except FraisierError as error:
                    said += [str(error), error.command, error.log, error.problems]
        text = json.dumps(msgspec.to_builtins(said)) + "".join(bench.progress.lines + bench.progress.steps)
        out, err = capfd.readouterr()
        for secret in secrets:
            assert secret not in text + out + err, "a secret is in what the provider said, returned or printed"

    def test_hooks_print_nothing(self, bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
        bench.deploy(bench.case.first)
        self._look(bench)
        assert capfd.readouterr() == ("", "")

    def test_health_keeps_its_deadline(self, bench: Bench) -> None:
        bench.deploy(bench.case.first)
        with closing(_SilentServer()) as silent:
            url = bench.case.silent_url or silent.url
            target = bench.target(check=HealthCheck(url=url, probe_timeout=_PROBE_TIMEOUT))
            started = time.monotonic()
            found = bench.provider.health(target)
            assert not found.healthy
            assert time.monotonic() - started < _PROBE_TIMEOUT + _GRACE, "health waits past probe_timeout"

    def _look(self, bench: Bench) -> None:
        bench.provider.pre_flight(bench.target())
        bench.provider.status(bench.target())
        bench.provider.health(bench.target())
        list(bench.provider.logs(bench.target(), 5, False))

    def _fail_to_deploy(self, bench: Bench, version: str, tmp_path: Path) -> None:
        project, display = bench.project(tmp_path)
        place = project.config.place(FRAISE, ENVIRONMENT)
        request = operations.DeployRequest(version=version)
        with pytest.raises(FraisierError) as failure:
            operations.deploy(project, place, request, display)
        assert failure.value.exit_code in (5, 6, 8), f"the deployment ended with: {failure.value}"

    def _refused(self, bench: Bench, options: Mapping[str, Any]) -> None:
        untouched = bench.case.fingerprint()
        target = bench.target(options)
        with pytest.raises(ConfigError):
            bench.provider.pre_flight(target)
        with pytest.raises(ConfigError):
            bench.provider.deploy(target, Release(version=bench.case.first), bench.progress)
        assert bench.case.fingerprint() == untouched, "bad options were noticed too late"


class _SilentServer:
    """Accepts connections and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepted: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._accepted.append(self._listener.accept()[0])

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)
        for each in self._accepted:
            each.close()
