"""What the documentation must not leave out, and what is generated in it."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from fraisier import Check, Deployment, HealthCheck, Step
from fraisier.cli.main import app
from fraisier.contract import errors
from fraisier.engine.configuration import form
from fraisier.engine.operations import Plan
from fraisier.engine.reading import HealthReport, ListedFraise, ProviderTest, StatusReport
from fraisier.engine.state.lease import LockRow

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")])


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_is_generated_is_up_to_date(path: Path) -> None:
    command = [sys.executable, "-m", "cogapp", "--check", "-I", "docs", "-P", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"run: hatch run docs:write\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        name, _, anchor = link.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), f"{path.name} links to {link}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}, link


@pytest.mark.parametrize("command", [each.name for each in app.registered_commands])
def test_every_command_is_in_the_manual(command: str) -> None:
    assert f"### `fraisier {command}`" in page("command-line.md")


def test_every_exit_code_and_kind_is_in_the_manual() -> None:
    text = page("json.md")
    for each in vars(errors).values():
        if isinstance(each, type) and issubclass(each, errors.FraisierError) and hasattr(each, "kind"):
            row = next(line for line in text.splitlines() if line.startswith(f"| {each.exit_code} |"))
            assert f"`{each.kind}`" in row


@pytest.mark.parametrize("key", sorted(form.TOP_KEYS | form.FRAISE_KEYS | form.TARGET_KEYS | {"database"}))
def test_every_key_of_the_file_is_in_the_manual(key: str) -> None:
    assert f"`{key}`" in page("configuration.md")


@pytest.mark.parametrize("key", HealthCheck.__struct_fields__)
def test_every_key_of_a_health_check_is_in_the_manual(key: str) -> None:
    assert f"| `{key}` |" in page("configuration.md")


@pytest.mark.parametrize(
    ("section", "document"),
    [
        ("`deploy`, `rollback`", Deployment),
        ("`deploy`, `rollback`", Step),
        ("`deploy`, `rollback`", Plan),
        ("`status`", StatusReport),
        ("`list`", ListedFraise),
        ("`health`", HealthReport),
        ("`providers`, `provider-info`, `provider-test`", ProviderTest),
        ("`providers`, `provider-info`, `provider-test`", Check),
        ("`lock`", LockRow),
    ],
)
def test_every_field_of_a_document_is_in_the_manual(section: str, document: type[msgspec.Struct]) -> None:
    text = page("json.md").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    named = set(re.findall(r'[`"](\w+)[`"]', text))
    assert named >= set(document.__struct_fields__)
