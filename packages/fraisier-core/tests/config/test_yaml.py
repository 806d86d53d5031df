"""Reading YAML: what it holds, where it stands, and what is refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fraisier.contract.errors import ConfigError
from fraisier.engine.configuration import yaml_parser
from fraisier.engine.configuration.yaml_file import Document, read_yaml, shown_path
from fraisier.engine.configuration.yaml_scalars import MAX_NODES

Write = Callable[[str], Path]


@pytest.fixture(params=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Read with each of the two parsers that PyYAML may come with."""
    name: str = request.param
    if name == "libyaml" and not yaml.__with_libyaml__:
        pytest.skip("this PyYAML was built without libyaml")
    if name == "python":
        monkeypatch.setattr(yaml_parser, "_Parser", yaml.SafeLoader)
    return name


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("text", "text"),
        ("12", 12),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("0o17", 15),
        ("0xff", 255),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ('""', ""),
        ('"12"', "12"),
        ("'true'", "true"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("!!int 12", 12),
        ("!!float 12", 12),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("22:22", "22:22"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31 10:00:00", "2026-01-31 10:00:00"),
        ("0755", "0755"),
        ("1_000", "1_000"),
        ("1.2.3", "1.2.3"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("=", "="),
        ("9" * 5000, "9" * 5000),
        ("[a, 1, [b]]", ["a", 1, ["b"]]),
        ("{a: 1, b: {c: d}}", {"a": 1, "b": {"c": "d"}}),
        ("|\n  one\n  two\n", "one\ntwo\n"),
        (">-\n  one\n  two\n", "one two"),
        ("one\n  two", "one two"),
        ("!!map {a: b}", {"a": "b"}),
        ('"caf\\u00e9"', "café"),
    ],
)
def test_a_value_is_what_yaml_1_2_says(write: Write, parser: str, written: str, value: Any) -> None:
    for before in ("", "anchored: &x y\n"):
        found = read_yaml(write(f"{before}key: {written}\n")).value["key"]
        assert (found, type(found)) == (value, type(value))


def test_keys_are_always_text(write: Write, parser: str) -> None:
    value = read_yaml(write("{1: a, true: b, null: c, no: d, 1.0: e, 22:22: f, 2026-01-01: g, '': h}")).value
    assert list(value) == ["1", "true", "null", "no", "1.0", "22:22", "2026-01-01", ""]


def test_anchors_aliases_and_merge_keys_work(write: Write, parser: str) -> None:
    value = read_yaml(
        write("""
x-base: &base {user: deploy, port: 22}
x-more: &more {port: 23, shell: sh}
one: {<<: *base, port: 2222}
two:
  <<: [*base, *more]
  user: root
three: *base
four: {name: &name web, again: *name}
five: {<<: {a: 1}, "<<<": 2}
six:
  - &item {a: b}
  - *item
""")
    ).value
    assert value["one"] == {"user": "deploy", "port": 2222}
    assert value["two"] == {"user": "root", "port": 22, "shell": "sh"}
    assert value["three"] == {"user": "deploy", "port": 22}
    assert value["four"] == {"name": "web", "again": "web"}
    assert value["five"] == {"a": 1, "<<<": 2}
    assert value["six"] == [{"a": "b"}, {"a": "b"}]


def test_a_line_is_found_through_aliases_and_merge_keys(write: Write, parser: str) -> None:
    document = read_yaml(
        write("""x-base: &base
  user: deploy
  deep:
    list:
      - a
      - b: c
x-more: &more
  shell: sh
one:
  <<: *base
  port: 1
two: *base
three:
  <<: [*more, *base]
""")
    )
    where: list[tuple[tuple[str | int, ...], int]] = [
        ((), 1),
        (("x-base", "deep"), 3),
        (("x-base", "deep", "list", 1, "b"), 6),
        (("one", "user"), 2),
        (("one", "port"), 11),
        (("two", "deep", "list", 0), 5),
        (("three", "shell"), 8),
        (("three", "user"), 2),
        (("three", "nothing", "here"), 13),
        (("one", "deep", "nothing"), 3),
        (("nothing",), 1),
    ]
    assert [(path, document.line_of(path)) for path, _ in where] == where


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "fraises.yaml:1: the file is empty; for an example, run: fraisier init"),
        ("# nothing\n", "fraises.yaml:1: the file is empty; for an example, run: fraisier init"),
        ("a: 1\nb: 2\na: 3\n", 'fraises.yaml:3: duplicate key "a", first on line 1'),
        ("a:\n  b: 1\n  c: {d: 1, d: 2}\n", 'fraises.yaml:3: duplicate key "d", first on line 3'),
        ("- x: 1\n- y: 1\n  y: 2\n", 'fraises.yaml:3: duplicate key "y", first on line 2'),
        ('"a": 1\na: 2\n', 'fraises.yaml:2: duplicate key "a", first on line 1'),
        ("x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x\n", 'fraises.yaml:4: duplicate key "<<", first on line 3'),
        ("a: &a [*a]\n", "fraises.yaml:1: the alias *a holds itself"),
        ("a: &a 1\nb: &a\n  c: *a\n", "fraises.yaml:3: the alias *a holds itself"),
        ("a: *b\n", "fraises.yaml:1: the alias *b has no anchor &b before it"),
        ("a: &a b\n*a : c\n", "fraises.yaml:2: an alias cannot be a key"),
        ("? [a]\n: b\n", "fraises.yaml:1: a key must be text, not a mapping or a list"),
        ("x: 1\nb:\n  <<: 5\n  c: 1\n", "fraises.yaml:3: << must be given a mapping or a list of mappings"),
        ("a: b\n---\nc: d\n", "fraises.yaml:2: a second document begins here; keep one document in the file"),
        (
            "a:\n- !!python/object/apply:os.system ['id']\n",
            "fraises.yaml:2: the tag !!python/object/apply:os.system is not allowed here; write plain values",
        ),
        (
            "a: !!python/name:os.system\n",
            "fraises.yaml:1: the tag !!python/name:os.system is not allowed here; write plain values",
        ),
        (
            "!!python/tuple a: b\n",
            "fraises.yaml:1: the tag !!python/tuple is not allowed here; write plain values",
        ),
        ("a: !mine b\n", "fraises.yaml:1: the tag !mine is not allowed here; write plain values"),
        ("a: !!set {b}\n", "fraises.yaml:1: the tag !!set is not allowed here; write plain values"),
        ("a: !!int b\n", "fraises.yaml:1: the tag !!int is not allowed here; write plain values"),
        ("a: !!binary YQ==\n", "fraises.yaml:1: the tag !!binary is not allowed here; write plain values"),
        ("a: 1\nb: \0\n", "fraises.yaml:2: the character '\\x00' is not allowed"),
        ("a: \x1b[0m\n", "fraises.yaml:1: the character '\\x1b' is not allowed"),
    ],
)
def test_what_is_not_plain_data_is_refused(write: Write, parser: str, text: str, message: str) -> None:
    assert refusal(write(text)) == message


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("a:\n\tb: 1\n", "fraises.yaml:2: not valid YAML: ", "; indent with spaces, not tabs"),
        ("a: b: c\n", "fraises.yaml:1: not valid YAML: ", "mapping values are not allowed in this context"),
        ("a: [b\n", "fraises.yaml:2: not valid YAML: ", ""),
        ('a: 1\nb: "c\n', "fraises.yaml:3: not valid YAML: ", ""),
        ("a: @b\n", "fraises.yaml:1: not valid YAML: ", "found character that cannot start any token"),
    ],
)
def test_what_is_not_yaml_is_refused(write: Write, text: str, begins: str, ends: str) -> None:
    message = refusal(write(text))
    assert message.startswith(begins)
    assert message.endswith(ends)


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    path = folder / "fraises.yaml"
    path.write_bytes(b"a: b\nc: \xff\n")
    assert refusal(path) == "fraises.yaml:2: not UTF-8 text; save the file as UTF-8"
    path.write_bytes("a: b\n".encode("utf-16"))
    assert refusal(path) == "fraises.yaml:1: not UTF-8 text; save the file as UTF-8"


def test_a_byte_order_mark_is_no_mistake(folder: Path) -> None:
    path = folder / "fraises.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: b\r\nc: d\r\n")
    assert read_yaml(path).value == {"a": "b", "c": "d"}


def test_a_file_that_cannot_be_read_is_refused(folder: Path) -> None:
    assert refusal(folder / "nothing.yaml") == "cannot read nothing.yaml: no such file or directory"
    assert refusal(Path("a\0b")) == "cannot read 'a\\x00b': not a path"
    (folder / "sub").mkdir()
    assert refusal(folder / "sub") == "cannot read sub: is a directory"
    (folder / "loop").symlink_to("loop")
    assert refusal(folder / "loop").startswith("cannot read loop: ")


def test_a_file_may_hold_one_mebibyte(write: Write) -> None:
    line = "key: value\n"
    most = line + "#" * (1024 * 1024 - len(line))
    assert read_yaml(write(most)).value == {"key": "value"}
    assert refusal(write(most + "#")) == "fraises.yaml is larger than 1 MiB"
    assert refusal(Path("/dev/zero")) == "/dev/zero is larger than 1 MiB"


def bomb_of_lists() -> str:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)]
    return "a0: &a0 [x, y]\n" + "".join(levels)


def bomb_of_mappings() -> str:
    levels = [f"a{n}: &a{n} {{{', '.join(f'{key}: *a{n - 1}' for key in 'bcdefghij')}}}\n" for n in range(1, 30)]
    return "a0: &a0 {x: y}\n" + "".join(levels)


def bomb_of_merges() -> str:
    wide = ", ".join(f"k{n}: x" for n in range(1000))
    return f"a: &a {{{wide}}}\nb:\n" + "".join(f"- {{<<: *a, own{n}: x}}\n" for n in range(2000))


def bomb_of_merged_bombs() -> str:
    levels = [f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 9)}]\n  k{n}: x\n" for n in range(1, 30)]
    return "a0: &a0 {x: y}\n" + "".join(levels)


@pytest.mark.parametrize("make", [bomb_of_lists, bomb_of_mappings, bomb_of_merges, bomb_of_merged_bombs])
def test_an_alias_bomb_is_refused_at_once(write: Write, parser: str, make: Callable[[], str]) -> None:
    path = write(make())
    started = time.process_time()
    message = refusal(path)
    # Followed, most of these hold 9^29 values: a generous bound tells the two apart.
    assert time.process_time() - started < 20
    assert re.fullmatch(r"fraises.yaml:\d+: more than 250000 values, with aliases followed", message)


def test_a_chain_of_aliases_is_as_deep_as_what_it_leads_to(write: Write, parser: str) -> None:
    links = [f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100)]
    message = "nested more than 64 levels deep, with aliases followed"
    assert read_yaml(write("a0: &a0 [x]\n" + "".join(links[:61]))).line_of(("a61", 0)) == 62
    assert refusal(write("a0: &a0 [x]\n" + "".join(links))) == f"fraises.yaml:63: {message}"
    merges = [f"a{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 100)]
    assert refusal(write("a0: &a0 {x: y}\n" + "".join(merges))).endswith(message)


def test_too_many_and_too_deep_values_are_refused(write: Write) -> None:
    many = "a: [" + "0," * (MAX_NODES + 5) + "0]"
    assert refusal(write(many)) == "fraises.yaml:1: more than 250000 values, with aliases followed"
    for text in ("[" * 5000, "a: " + "{a: " * 5000, "".join(" " * n + "a:\n" for n in range(500))):
        assert " nested more than 64 levels deep" in refusal(write(text))


def test_a_path_is_shown_from_here_when_that_is_shorter(folder: Path) -> None:
    (folder / "sub").mkdir()
    assert shown_path(folder / "sub" / "fraises.yaml") == "sub/fraises.yaml"
    assert shown_path(Path("/etc/fraises.yaml")) == "/etc/fraises.yaml"
    assert shown_path(Path("a\nb")) == "'a\\nb'"


def test_what_is_written_is_read_as_the_same(write: Write, parser: str) -> None:
    shared = {"a": "b"}
    value = {
        "texts": [
            "no",
            "1e5",
            "0755",
            "0o17",
            "1",
            "1.5",
            "true",
            "null",
            "~",
            "",
            "a: b",
            "# c",
            "é",
            "2026-01-01",
        ],
        "others": [1, 1.5, True, None, [], {}],
        "same": [shared, shared],
        "lines": "one\ntwo\n",
    }
    written = yaml_parser.write(value)
    assert "&" not in written
    assert read_yaml(write(written)).value == value


def test_a_document_tells_lines_without_having_been_asked_before() -> None:
    assert Document({"a": {"b": 1}}, "a:\n  b: 1\n", "x").line_of(("a", "b")) == 2
