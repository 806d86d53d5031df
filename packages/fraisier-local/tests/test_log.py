"""The service's log: bounded, followed, rotated."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from fraisier_local import hooks, service_log

from .conftest import Site, eventually

QUIET: dict[str, Any] = {"command": "exec sleep 600"}


@pytest.fixture
def log(site: Site) -> Path:
    site.app.mkdir()
    return site.app / "service.log"


def test_the_last_lines_are_given_and_no_more(site: Site, log: Any) -> None:
    log.write_text("".join(f"line {number}\n" for number in range(1000)))

    assert site.log(3) == ["line 997", "line 998", "line 999"]
    assert site.log(0) == []
    assert len(site.log(5000)) == 1000


def test_there_are_no_lines_before_the_first_deployment(site: Site) -> None:
    assert site.log() == []
    assert not site.app.exists()


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"one", ["one"]),
        (b"one\ntwo", ["one", "two"]),
        (b"one\r\n\ntwo\r\n", ["one", "", "two"]),
        (b"caf\xc3\xa9 \xff\n", ["café \ufffd"]),
        (b"x" * 200_000 + b"\nlast\n", ["x" * 200_000, "last"]),
    ],
)
def test_lines_are_as_the_service_wrote_them(site: Site, log: Any, written: Any, lines: Any) -> None:
    log.write_bytes(written)

    assert site.log() == lines


def test_a_large_log_is_read_from_its_end(site: Site, log: Any) -> None:
    with log.open("wb") as file:
        file.truncate(10 * 1024**3)
        file.seek(0, 2)
        file.write(b"\nlast but one\nlast\n")

    assert site.log(2) == ["last but one", "last"]


def test_a_large_log_is_rotated_by_the_next_deployment_and_still_read(site: Site, log: Any) -> None:
    line = "x" * 99 + "\n"
    log.write_text(line * 20_000)

    site.deploy("v1", command="echo new; exec sleep 600")

    eventually(lambda: log.read_text() == "new\n")
    assert service_log.rotated(log, 1).stat().st_size == 2_000_000
    assert site.log(2) == [line.strip(), "new"]


def test_the_running_service_goes_on_writing_at_the_new_end(site: Site) -> None:
    site.deploy("v1")
    site.answer()
    log = site.app / "service.log"
    with log.open("ab") as file:
        file.write(b"x" * 2 * service_log.ROTATE_AT + b"\n")

    assert site.deploy("v1").changed is False
    site.answer()

    eventually(lambda: log.read_bytes() == b'"GET / HTTP/1.1" 200 -\n')


def test_rotated_logs_are_few_and_bounded(site: Site, log: Any) -> None:
    for number in range(8):
        log.write_text(f"{number}\n" * (service_log.ROTATE_AT // 2 + 1))
        service_log.rotate(log)
    with log.open("wb") as file:
        file.truncate(3 * service_log.LARGEST)
    service_log.rotate(log)

    names = sorted(path.name for path in site.app.iterdir())
    assert names == ["service.log", *(f"service.log.{number}" for number in range(1, 6))]
    assert service_log.rotated(log, 1).stat().st_size == service_log.LARGEST
    assert service_log.rotated(log, 2).read_text()[:2] == "7\n"


def test_following_gives_new_lines_as_they_come_and_survives_a_rotation(site: Site, log: Any) -> None:
    log.write_text("old\nlast\n")
    followed = iter(hooks.logs(site.target(), 1, True))
    assert next(followed) == "last"

    with log.open("a") as file:
        file.write("one\nhalf")
        file.flush()
        assert next(followed) == "one"
        file.write(" and half\n")
        file.flush()
        assert next(followed) == "half and half"
    log.write_text("new\n")
    assert next(followed) == "new"


def test_following_waits_for_a_log_that_is_not_there_yet(site: Site) -> None:
    followed = iter(hooks.logs(site.target(), 10, True))
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(next(followed)))
    reader.start()

    site.deploy("v1", command="echo here I am; exec sleep 600")

    reader.join(timeout=10)
    assert found == ["here I am"]
