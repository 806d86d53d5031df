"""Completion as a shell asks for it, through the variables that the completion script sets."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fraisier.cli.main import run

from .conftest import Cli


def completions(cli: Cli, monkeypatch: pytest.MonkeyPatch, line: str, shell: str = "bash") -> list[str]:
    """Return what is offered at the end of a line."""
    words = line.split(" ")
    monkeypatch.setenv("_FRAISIER_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    with pytest.raises(SystemExit) as ended:
        run([])
    assert ended.value.code == 0
    out, err = cli.read()
    assert err == ""
    return out.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("fraisier depl", ["deploy"]),
        ("fraisier lock ", ["list", "acquire", "break"]),
        ("fraisier deploy ", ["my_api", "worker"]),
        ("fraisier deploy my", ["my_api"]),
        ("fraisier deploy my_api ", ["production", "staging"]),
        ("fraisier deploy my_api s", ["staging"]),
        ("fraisier deploy --force worker ", ["production"]),
        ("fraisier deploy nobody ", []),
        ("fraisier rollback my_api p", ["production"]),
        ("fraisier status my_api ", ["production", "staging"]),
        ("fraisier history w", ["worker"]),
        ("fraisier lock break ", ["my_api", "worker"]),
        ("fraisier -c other.yaml deploy ", ["other"]),
        ("fraisier deploy -c other.yaml ", ["other"]),
        ("fraisier deploy -c other.yaml other ", ["here"]),
    ],
)
def test_commands_fraises_and_environments_are_offered(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, line: str, offered: list[str]
) -> None:
    (cli.folder / "other.yaml").write_text("fraises: {other: {providers: {here: {provider: files}}}}")
    assert completions(cli, monkeypatch, line) == offered


@pytest.mark.parametrize("broken", ["no file", "no yaml", "no fraises", "no folder"])
def test_without_a_good_file_nothing_is_offered_and_nothing_is_said(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    if broken == "no folder":
        gone = cli.folder / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
    elif broken == "no file":
        (cli.folder / "fraises.yaml").unlink()
    else:
        cli.configure("{[" if broken == "no yaml" else "fraises: 7")
    for line in ("fraisier deploy ", "fraisier deploy my_api "):
        assert completions(cli, monkeypatch, line) == []


def test_a_real_bash_completes_with_the_script_that_it_is_given(cli: Cli) -> None:
    bin_folder = cli.folder / "bin"
    bin_folder.mkdir()
    program = bin_folder / "fraisier"
    program.write_text(f"#!{sys.executable}\nfrom fraisier.cli.main import main\nmain()\n")
    program.chmod(0o755)
    script = """
        PATH=$PWD/bin:$PATH
        eval "$(_FRAISIER_COMPLETE=source_bash fraisier)"
        complete -p fraisier >&2
        COMP_WORDS=(fraisier deploy my_api ''); COMP_CWORD=3
        _fraisier_completion fraisier '' my_api
        echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=cli.folder,
        env=cli.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "production staging\n"
    assert "_fraisier_completion fraisier" in done.stderr
