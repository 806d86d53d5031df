"""What a version means, what git is kept from doing, and where the repository may be."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fraisier import ConfigError, Secret, TargetError
from fraisier_local import hooks

from .conftest import Repository, Site

QUIET: dict[str, Any] = {"command": "exec sleep 600"}


def test_a_tag_goes_before_a_branch_of_the_same_name(site: Site) -> None:
    tagged = site.repository.git("rev-parse", "v1")
    site.repository.git("switch", "--quiet", "--create", "v1")
    site.repository.commit("the branch v1", tag=False)

    assert site.deploy("v1", **QUIET).revision == tagged


def test_an_annotated_tag_means_its_commit(site: Site) -> None:
    site.repository.git("tag", "--annotate", "--message", "the first", "release-1")

    assert site.deploy("release-1", **QUIET).revision == site.repository.git("rev-parse", "main")


@pytest.mark.parametrize("digits", [7, 12, 40])
def test_a_commit_may_be_named_by_its_sha(site: Site, digits: Any) -> None:
    revision = site.repository.git("rev-parse", "main")
    site.repository.commit("v2")

    deployed = site.deploy(revision[:digits].upper(), **QUIET)

    assert deployed.revision == revision


def test_a_branch_that_was_forced_elsewhere_is_followed(site: Site) -> None:
    site.repository.commit("v2", tag=False)
    site.deploy("main", **QUIET)
    site.repository.git("reset", "--quiet", "--hard", "v1")

    assert site.deploy("main", **QUIET).revision == site.repository.git("rev-parse", "v1")


def test_a_branch_that_gave_way_to_a_folder_of_branches_is_no_obstacle(site: Site) -> None:
    site.repository.git("branch", "topic")
    site.deploy("topic", **QUIET)
    site.repository.git("branch", "--delete", "topic")
    site.repository.git("branch", "topic/one")

    assert site.deploy("topic/one", **QUIET).changed is False


@pytest.mark.parametrize("version", ["v1.0-été", "release/2025", "v1;echo", "v1&&echo", "`touch`", "日本"])
def test_a_tag_may_have_any_name_that_git_allows(site: Site, version: str) -> None:
    site.repository.git("tag", version)

    deployed = site.deploy(version, command='echo "$FRAISIER_VERSION"; exec sleep 600')

    assert deployed.version == version


@pytest.mark.parametrize(
    "version", ["v9", "HEAD", "main~0", "v1^{tree}", "abcdef1", "", "refs/tags/v1", ":/v1", "@"]
)
def test_what_is_no_tag_branch_or_commit_is_told(site: Site, version: str) -> None:
    with pytest.raises(TargetError) as caught:
        site.deploy(version)

    repository = site.repository.folder
    assert caught.value.message == f'no tag, branch or commit "{version}" in {repository}'
    assert caught.value.hint == f"see: git ls-remote --heads --tags {repository}"


ATTACKS = [
    "; touch {canary}",
    "$(touch {canary})",
    "`touch {canary}`",
    "v1\ntouch {canary}",
    "v1 --upload-pack=touch {canary}",
    "--upload-pack=touch {canary};",
    "--output={canary}",
    "-c core.sshCommand=touch {canary}",
    "v1' && touch {canary} && '",
    "v1\0touch {canary}",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_version_executes_nothing(site: Site, tmp_path: Path, attack: str) -> None:
    canary = tmp_path / "canary"

    with pytest.raises(TargetError):
        site.deploy(attack.format(canary=canary))

    assert not canary.exists()


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_branch_executes_nothing(site: Site, tmp_path: Path, attack: str) -> None:
    canary = tmp_path / "canary"

    with pytest.raises((TargetError, ConfigError)):
        site.deploy(branch=attack.format(canary=canary))
    with suppress(ConfigError):
        checks = hooks.pre_flight(site.target(branch=attack.format(canary=canary)))
        assert [check.name for check in checks if not check.passed and check.required] == ["repository"]

    assert not canary.exists()


@pytest.mark.parametrize(
    "attack", [*ATTACKS, "ext::sh -c touch% {canary}", "ssh://-oProxyCommand=touch%20{canary}/x"]
)
def test_a_repository_executes_nothing(site: Site, tmp_path: Path, attack: str) -> None:
    canary = tmp_path / "canary"

    with pytest.raises((TargetError, ConfigError)):
        site.deploy(git_repo=attack.format(canary=canary))

    assert not canary.exists()


@pytest.mark.parametrize("key", ["git_repo", "branch"])
def test_what_git_would_read_as_an_option_is_a_bad_option(site: Site, key: str) -> None:
    options: dict[str, Any] = {key: "--upload-pack=x"}
    with pytest.raises(ConfigError) as caught:
        site.deploy(**options)

    assert f"{key}: expected" in caught.value.message
    assert not site.app.exists()


def test_the_hooks_of_the_user_are_not_run(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = tmp_path / "canary"
    hook = tmp_path / "hooks" / "reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {canary}\n")
    hook.chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[core]\n\thooksPath = {hook.parent}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))

    site.deploy("v1", **QUIET)

    assert not canary.exists()


def test_the_repository_that_we_are_called_from_does_not_leak_in(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))

    site.deploy("v1", **QUIET)

    assert not (tmp_path / "elsewhere").exists()
    assert (site.app / "current" / "VERSION").read_text() == "v1"


@pytest.mark.parametrize("written", ["source", "./source", "~/source", "file://{folder}/source"])
def test_the_repository_may_be_a_path_or_a_url(site: Site, monkeypatch: pytest.MonkeyPatch, written: Any) -> None:
    monkeypatch.setenv("HOME", str(site.folder))

    assert site.deploy("v1", git_repo=written.format(folder=site.folder), **QUIET).version == "v1"


def test_a_head_on_no_branch_is_deployed_by_its_commit(site: Site) -> None:
    site.repository.git("switch", "--quiet", "--detach")
    revision = site.repository.commit("detached", tag=False)

    deployed = site.deploy(**QUIET)

    assert (deployed.version, deployed.revision) == (revision[:12], revision)


def test_a_shallow_clone_is_a_repository_too(site: Site) -> None:
    site.repository.commit("v2")
    source = f"file://{site.repository.folder}"
    clone = site.folder / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", source, str(clone)], check=True)

    assert site.deploy(git_repo="clone", **QUIET).version == "main"


def test_an_empty_repository_has_nothing_to_deploy(site: Site) -> None:
    Repository(site.folder / "empty")

    with pytest.raises(TargetError, match=r"has no HEAD; set branch"):
        site.deploy(git_repo="empty")


def test_a_missing_repository_is_told_with_what_git_says(site: Site) -> None:
    with pytest.raises(TargetError) as caught:
        site.deploy(git_repo="nowhere")

    where = site.folder / "nowhere"
    assert caught.value.message.startswith(f"git fetch failed for {where}: fatal: ")
    assert caught.value.command == f"git fetch {where}"


def test_a_secret_repository_is_called_by_its_reference(site: Site) -> None:
    secret = Secret(str(site.repository.folder), "${REPOSITORY}")

    site.deploy("v1", git_repo=secret, **QUIET)
    assert "From ${REPOSITORY}" in site.progress.lines
    with pytest.raises(TargetError, match=r'no tag, branch or commit "v9" in \$\{REPOSITORY\}; '):
        site.deploy("v9", git_repo=secret)


def test_a_login_in_a_url_is_not_shown(site: Site) -> None:
    with pytest.raises(TargetError) as caught:
        site.deploy(git_repo="http://alice:t0ken@127.0.0.1:1/x.git")

    error = caught.value
    said = "\n".join([error.message, error.hint, error.command, *error.log, *site.progress.lines])
    assert "t0ken" not in said
    assert "http://127.0.0.1:1/x.git" in error.message


def test_git_is_missing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)

    with pytest.raises(TargetError, match="git is not installed"):
        site.deploy("v1")
