"""The quick reader reads nothing otherwise than the parser does: it understands, or it leaves the file alone."""

from __future__ import annotations

import string
from typing import Any

import pytest
from fraisier.engine.configuration.yaml_parser import parse
from fraisier.engine.configuration.yaml_quick import NOT_PLAIN, parse_plain
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

PLAIN_VALUES = [
    "deploy",
    "http://127.0.0.1:8000/health",
    "git@github.com:acme/my_api.git",
    "make all -j 4",
    "a#b",
    "a:b",
    "text  # a comment",
    '"quoted: # text"',
    "'single'",
    "{a: 1, b: 'x, y: z'}",
    "{}",
    '[a, "b, c", -1]',
    "[]",
    "12",
    "-1.5",
    "0755",
    "true",
    "no",
    "~",
    "22:22",
    "${NAME:-x}",
    "naïve",
    "",
]
OTHER_VALUES = [
    "a: b",
    "a:",
    "- a",
    "&a b",
    "*a",
    "!!str a",
    "|",
    ">-",
    "'it''s'",
    '"a\\n"',
    "[a, [b]]",
    "{a: }",
    "[a: b]",
    "{a: b,}",
    "@a",
    "%a",
    "? a",
    "a\tb",
    "a\x85b",
    "a\u2028b",
    "\ufeffa",
    '"a" b',
    "{a: b}c",
    "[",
    '"',
]

values = (
    st.sampled_from(PLAIN_VALUES)
    | st.sampled_from(OTHER_VALUES)
    | st.text("ab:-# {}[],\"'1~&*!|>?%@`é\t", max_size=8)
)
keys = st.sampled_from(["a", "b", "c", "d", "a-b.c", "_x", "null", "1", '"q"', "<<", "é", "?"])
lines = st.one_of(
    st.builds(
        "{}{}:{}{}".format, st.sampled_from(["", "  ", "    "]), keys, st.sampled_from([" ", "", "  "]), values
    ),
    st.builds("{}- {}".format, st.sampled_from(["", "  ", "    "]), values),
    st.sampled_from(["", "# a comment", "    # another", "---", "...", "\t", "a"]),
)


def check(text: str) -> Any:
    quick = parse_plain(text)
    if quick is not NOT_PLAIN:
        # A refusal by the parser is an error here: what is wrong must never be taken for plain.
        assert repr(quick) == repr(parse(text, "fraises.yaml"))
    return quick


@pytest.mark.parametrize("value", PLAIN_VALUES)
def test_plain_values_are_read_quickly(value: str) -> None:
    assert check(f"a:\n  b: {value}\n  c:\n  - {value or 'x'}\n  d: x\ne: {value}") is not NOT_PLAIN


@pytest.mark.parametrize("value", OTHER_VALUES)
def test_other_values_are_left_to_the_parser(value: str) -> None:
    assert parse_plain(f"a:\n  b: {value}\nc: d\n") is NOT_PLAIN


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2\n",
        "a: {b: 1, b: 2}\n",
        "a: b\n  c: d\n",
        "a:\n    b: c\n  d: e\n",
        "a:\n  - b\n    c\n",
        "a:\n  - b\n  c: d\n",
        "a:\n  -\n",
        "- a\n",
        "  a: b\n",
        "a: b\nc\n",
        "a: b\n---\nc: d\n",
        "a:b\n",
        "a:#b\n",
        "a: b\r\n",
        "",
        "# nothing\n",
    ],
)
def test_other_lines_are_left_to_the_parser(text: str) -> None:
    assert parse_plain(text) is NOT_PLAIN


def test_the_usual_shapes_are_read_quickly() -> None:
    text = """---
# services
fraises:
  my_api:            # the first

    providers:
      production:
        build:
        - make
        - make install   # twice
        environment: {A: b, C: "d, e"}
      staging:
        args:
          - -v
   # oddly indented
  empty:
state:
  database: x.db"""
    value = check(text)
    assert value == {
        "fraises": {
            "my_api": {
                "providers": {
                    "production": {"build": ["make", "make install"], "environment": {"A": "b", "C": "d, e"}},
                    "staging": {"args": ["-v"]},
                }
            },
            "empty": None,
        },
        "state": {"database": "x.db"},
    }


@settings(max_examples=600, deadline=None)
@given(st.lists(lines, min_size=1, max_size=6).map("\n".join))
@example("a:\n  - b\nc:\n- d\ne: f")
@example("a: b  #c\nd: 'e'   ")
def test_lines_are_read_as_the_parser_reads_them(text: str) -> None:
    check(text)


@settings(max_examples=400, deadline=None)
@given(st.text(string.printable + "é\x85\xa0\u2028\ufeff", max_size=30))
def test_texts_are_read_as_the_parser_reads_them(text: str) -> None:
    check(f"a: {text}")
    check(text)


names = st.text(string.ascii_letters + "_", min_size=1, max_size=6)
trees = st.recursive(
    st.sampled_from(PLAIN_VALUES),
    lambda below: st.dictionaries(names, below, min_size=1, max_size=4) | st.lists(st.sampled_from(PLAIN_VALUES)),
    max_leaves=20,
)


def written(tree: Any, indent: int) -> str:
    if isinstance(tree, str):
        return f" {tree}\n"
    spaces = " " * indent
    if isinstance(tree, list):
        return "\n" + "".join(f"{spaces}- {item or 'x'}\n" for item in tree)
    return "\n" + "".join(f"{spaces}{key}:{written(value, indent + 2)}" for key, value in tree.items())


@settings(max_examples=300, deadline=None)
@given(trees)
def test_plain_trees_are_all_read_quickly(tree: Any) -> None:
    assume(isinstance(tree, dict))
    assert check(written(tree, 0)[1:]) is not NOT_PLAIN
