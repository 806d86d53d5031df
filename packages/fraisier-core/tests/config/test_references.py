"""References to secrets: how they are written, and where they are looked up."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fraisier.contract.options import OptionProblem
from fraisier.contract.secret import Secret
from fraisier.engine.configuration import reference_sources
from fraisier.engine.configuration.redaction import Redactor
from fraisier.engine.configuration.references import Reference, holds_reference, parse_references, resolve

ENVIRON = {"A": "alpha", "B": "beta", "EMPTY": "", "PATH": os.environ["PATH"]}


def parse(value: Any) -> Any:
    problems: list[OptionProblem] = []
    parsed = parse_references(value, problems)
    assert problems == []
    return parsed


def look_up(value: Any, folder: Path, environ: Mapping[str, str] = ENVIRON) -> tuple[Any, list[str], Redactor]:
    redactor = Redactor()
    problems: list[OptionProblem] = []
    resolved = resolve(parse(value), folder=folder, environ=environ, redactor=redactor, problems=problems)
    return resolved, [problem.message for problem in problems], redactor


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("${A}", "alpha"),
        ("a-${A}-${B}-c", "a-alpha-beta-c"),
        ("${A}${A}", "alphaalpha"),
        ("${A:-x}", "alpha"),
        ("${NOWHERE:-x}", "x"),
        ("${NOWHERE:-}", ""),
        ("${EMPTY:-x}", "x"),
        ("${NOWHERE:-a b:-c}", "a b:-c"),
        ("${NOWHERE:-{}}", "{}"),
        ("${NOWHERE:-a\nb}", "a\nb"),
        ("$${A} ${A}", "${A} alpha"),
        ("$A ${A} $$ $", "$A alpha $$ $"),
        ("$$${A} ${A}", "$${A} alpha"),
        ("{${A}}", "{alpha}"),
        ("${cmd:echo hello}", "hello"),
        ("${cmd: printf 'a b\\n\\n' }", "a b"),
        ("${cmd:echo one two | awk '{print $2}'}", "two"),
        ("${cmd:echo ${A} $B}", "alpha beta"),
        ("${cmd:pwd -P}/x", "FOLDER/x"),
        ("${cmd:echo seen; echo not seen >&2}", "seen"),
        ("${cmd:true}", ""),
        ("${file:secret}", "top\nsecret"),
        ("${file: sub/crlf }", "value"),
        ("${file:empty}", ""),
    ],
)
def test_a_reference_is_looked_up(tmp_path: Path, written: str, resolved: str) -> None:
    (tmp_path / "secret").write_text("top\nsecret\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "crlf").write_bytes(b"value\r\n")
    assert isinstance(parse(written), Reference)
    found, problems, _ = look_up(written, tmp_path)
    assert problems == []
    assert isinstance(found, Secret)
    assert found.reveal() == resolved.replace("FOLDER", str(tmp_path.resolve()))
    assert found.reference == written


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("plain", "plain"),
        ("$A", "$A"),
        ("$${A}", "${A}"),
        ("a$${b}$${c}", "a${b}${c}"),
        ("{}", "{}"),
        ("$$$${", "$$${"),
    ],
)
def test_a_text_without_references_stays_text(written: str, text: str) -> None:
    assert parse(written) == text


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("${", "${ has no closing brace; $${ stands for a literal ${"),
        ("x${A", "${A has no closing brace; $${ stands for a literal ${"),
        ("${cmd:awk '{print}'", "${cmd:awk '{print}' has no closing brace; $${ stands for a literal ${"),
        ("${}", "${} is not a reference; write FORMS"),
        ("${ A }", "${ A } is not a reference; write FORMS"),
        ("${1A}", "${1A} is not a reference; write FORMS"),
        ("${A-b}", "${A-b} is not a reference; write FORMS"),
        ("${A%.*}", "${A%.*} is not a reference; write FORMS"),
        ("${File:x}", "${File:x} is not a reference; write FORMS"),
        ("${a\nb}", "${a b} is not a reference; write FORMS"),
        ("${" + "x y" * 30 + "}", "${x yx yx yx yx yx yx yx yx yx yx yx yx ... is not a reference; write FORMS"),
        ("${file:}", "${file:} is given nothing; write FORMS"),
        ("${cmd: }", "${cmd:} is given nothing; write FORMS"),
        ("${A:-${B}}", "the default of ${A} holds a reference, which it cannot"),
    ],
)
def test_a_malformed_reference_is_refused(written: str, message: str) -> None:
    problems: list[OptionProblem] = []
    parse_references({"a": ["ok", written]}, problems)
    forms = "${NAME}, ${NAME:-default}, ${file:PATH} or ${cmd:COMMAND}, and $${ for a literal ${"
    assert problems == [OptionProblem(("a", 1), message.replace("FORMS", forms))]


def test_references_are_found_at_any_depth() -> None:
    value = {"a": [{"b": "${A}"}, 1], "c": "d", "e": None}
    parsed = parse(value)
    assert repr(parsed) == "{'a': [{'b': ${A}}, 1], 'c': 'd', 'e': None}"
    assert [holds_reference(parsed["a"]), holds_reference(parsed["c"])] == [True, False]
    assert parsed["a"][0]["b"] == parse("${A}")
    assert len({parse("${A}"), parse("${A}"), parse("${B}")}) == 2


def test_what_is_found_prints_as_stars(tmp_path: Path) -> None:
    found, _, redactor = look_up({"a": ["${A}", 1], "b": "x ${B} ${NOWHERE:-gamma}"}, tmp_path)
    assert str(found) == "{'a': [***, 1], 'b': ***}"
    assert redactor("alpha beta gamma x") == "*** *** *** x"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("${NOWHERE}", "NOWHERE is not set in the environment; set it, or give a default: ${NOWHERE:-...}"),
        ("${EMPTY}", "EMPTY is empty in the environment; set it, or give a default: ${EMPTY:-...}"),
        ("${file:nothing}", "cannot read nothing: no such file or directory"),
        ("${file:.}", "cannot read .: not a file"),
        ("${file:/dev/zero}", "cannot read /dev/zero: not a file"),
        ("${file:pipe}", "cannot read pipe: not a file"),
        ("${file:binary}", "cannot read binary: not UTF-8 text"),
        ("${file:big}", "cannot read big: larger than 1 MiB"),
        ("${file:~nobody-of-this-name/x}", "cannot read ~nobody-of-this-name/x: not a path"),
        ("${cmd:exit 3}", "`exit 3` ended with exit code 3: no error output"),
        ("${cmd:echo a secret; echo why >&2; echo >&2; exit 1}", "`COMMAND` ended with exit code 1: why"),
        ("${cmd:kill -9 $$}", "`kill -9 $$` ended with exit code -9: no error output"),
        ("${cmd:printf '\\377'}", "cannot read `printf '\\377'`: not UTF-8 text"),
        ("${cmd:yes}", "`yes` printed more than 1 MiB"),
    ],
)
def test_what_cannot_be_found_is_told(tmp_path: Path, written: str, message: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "big").write_bytes(b"x" * (1024 * 1024 + 1))
    _, problems, _ = look_up(written, tmp_path)
    assert problems == [message.replace("COMMAND", written.removeprefix("${cmd:").removesuffix("}"))]


def test_a_command_is_run_once(tmp_path: Path) -> None:
    command = "${cmd:echo x >> ran; cat ran}"
    found, problems, _ = look_up({"a": command, "b": [command, f"{command}{command}"]}, tmp_path)
    assert problems == []
    assert found["b"][1].reveal() == "xx"
    assert (tmp_path / "ran").read_text() == "x\n"


def test_a_command_that_fails_is_run_once_and_told_for_each_place(tmp_path: Path) -> None:
    command = "${cmd:echo x >> ran; exit 1}"
    _, problems, _ = look_up({"a": command, "b": command}, tmp_path)
    assert len(problems) == 2
    assert (tmp_path / "ran").read_text() == "x\n"


def test_the_errors_of_a_command_are_redacted_also_with_what_is_found_later(tmp_path: Path) -> None:
    value = {"a": "${cmd:echo no $A and $B >&2; exit 1}", "b": "${A} ${B}"}
    _, problems, _ = look_up(value, tmp_path)
    assert problems == ["`echo no $A and $B >&2; exit 1` ended with exit code 1: no *** and ***"]


def test_a_command_ends_within_its_deadline_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_sources, "_DEADLINE_SECONDS", 0.3)
    started = time.monotonic()
    _, problems, _ = look_up("${cmd:sleep 77 & echo $! > pid; sleep 77}", tmp_path)
    assert problems == ["`sleep 77 & echo $! > pid; sleep 77` did not end within 0.3 s"]
    assert time.monotonic() - started < 20
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 20
    while _runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_command_cannot_be_run_in_a_folder_that_is_gone(tmp_path: Path) -> None:
    _, problems, _ = look_up("${cmd:echo x}", tmp_path / "gone")
    assert problems == ["cannot run `echo x`: No such file or directory"]
