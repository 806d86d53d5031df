"""Nothing that comes from the file, a version or a record is ever taken for a command; odd values just work."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fraisier import FraisierError, Release, Secret
from lab.host import Host
from lab.repository import Repository

from .site import Site

# What each of them would leave, here or on the host.
CANARY = "/tmp/fraisier-canary"
EVIL = [
    f"x; touch {CANARY}",
    f"$(touch {CANARY})",
    f"`touch {CANARY}`",
    f"x'; touch {CANARY}; '",
    f'x"; touch {CANARY}; "',
    f"x\ntouch {CANARY}\n",
    f"x | touch {CANARY} & touch {CANARY} #",
    f"-oProxyCommand=touch {CANARY}",
    f"--upload-pack=touch {CANARY}",
    f"--output={CANARY}",
]
GIT_EVIL = [
    f"ext::sh -c touch% {CANARY}",
    f"ssh://-oProxyCommand=touch%20{CANARY}/x",
    f"-oProxyCommand=touch {CANARY}:x",
    f"git@-oProxyCommand=touch {CANARY}:x",
    f"file://$(touch {CANARY})",
]
ODD = 'it\'s "odd" $HOME `id` é✓ \\n %h ; & | * # ~'
# Without what means something in a unit: patterns, specifiers and escapes.
ODD_FOLDER = 'it\'s "odd" $HOME `id` é✓ ; & | #'
VALUES = {
    "QUOTES": 'it\'s "quoted"',
    "LINES": "first\nsecond\n\nlast\n",
    "DOLLARS": "$HOME ${HOME} $(id) `id` $$",
    "BACKSLASHES": '\\ \\\\ \\n \\" end\\',
    "BEFORE_A_LINE_END": "a\\\nb",
    "SPACES": "  two before, two after  ",
    "SIGNS": "# ; % & | * ? ~ ! = %h %%",
    "UNICODE": "é ✓ 日本 🍓",
    "TABS": "\ta\tb\t",
    "EMPTY": "",
    "LONG": "x" * 20_000,
    "version": "not ours",
    "build_timeout": "not ours",
    "mark": "not ours",
}


@pytest.fixture(autouse=True)
def canary(shared_host: Host) -> Iterator[None]:
    yield
    assert not Path(CANARY).exists(), "something was executed here"
    assert not shared_host.succeeds(f"test -e {CANARY}"), "something was executed on the host"


def try_all(site: Site, attempts: list[tuple[str | None, dict[str, Any]]]) -> None:
    """Deploy with every one of the values, in one login; whether that works is not the question."""
    with site.session():
        for version, options in attempts:
            with suppress(FraisierError):
                site.deploy(version, force=True, **options)


def test_the_canary_would_be_seen(site: Site) -> None:
    site.deploy("v1", build=[f"touch {CANARY}"])
    assert site.host.succeeds(f"rm {CANARY}")


def test_a_version_is_never_a_command(site: Site) -> None:
    try_all(site, [(version, {}) for version in EVIL])
    assert site.ledger() == []


def test_a_branch_is_never_a_command(site: Site) -> None:
    try_all(site, [(None, {"branch": branch}) for branch in EVIL])
    assert site.ledger() == []


def test_a_repository_is_never_a_command(site: Site) -> None:
    deadlines = {"fetch": 5}
    with site.session():
        for repository in [*EVIL, *GIT_EVIL]:
            with suppress(FraisierError):
                site.checks(git_repo=repository, deadlines=deadlines)
            with suppress(FraisierError):
                site.deploy("v1", git_repo=repository, deadlines=deadlines)
    assert site.ledger() == []


def test_a_folder_and_a_shared_path_are_never_commands(site: Site) -> None:
    for evil in EVIL:
        with suppress(FraisierError):
            path = f"{site.app_path}/{evil}"
            site.checks(app_path=path, layout="in_place")
            site.deploy("v1", app_path=path, shared=[evil.replace("/", "|"), f"deep/{evil}"])


def test_an_environment_and_who_deploys_are_never_commands(site: Site) -> None:
    site.user = "; ".join(EVIL)
    site.deploy("v1", environment={"PORT": str(site.port), **{f"EVIL_{i}": evil for i, evil in enumerate(EVIL)}})
    assert site.serves("v1")
    assert site.ledger()[0]["user"] == site.user


@pytest.mark.parametrize("layout", ["releases", "in_place"])
def test_a_record_to_go_back_to_is_never_a_command(
    make_site: Callable[..., Site], shared_host: Host, layout: str
) -> None:
    site = make_site(shared_host, layout=layout)
    first, second = site.deploy("v1"), site.deploy("v2")
    with site.session():
        for evil in [*EVIL, "..", "../../..", f'x"/e touch {CANARY}/;s/"', "x/;e touch {CANARY}\n#"]:
            for details in ({"release": evil}, {"release": [evil]}, {"release": {evil: evil}}):
                with suppress(FraisierError):
                    site.rollback(Release(version="v1", revision=first.revision, details=details))
            with suppress(FraisierError):
                site.rollback(Release(version="v1", revision=evil))
        assert site.status().release == Release(version="v2", revision=second.revision, details=second.details)
        site.health_check = None
        site.rollback(Release(version=EVIL[0], revision=first.revision, details=first.details))
    assert site.answer().startswith("v1 ")


def test_a_file_of_the_repository_is_never_a_command(site: Site, new_repository: Repository) -> None:
    evil = [each.replace("/", "|") for each in EVIL]
    hook = f"#!/bin/sh\ntouch {CANARY}\n"
    files = dict.fromkeys(evil, "text") | {".gitattributes": "* filter=evil\n", "hooks/post-checkout": hook}
    new_repository.commit("v2", files)
    new_repository.git("config", "core.hooksPath", "hooks")
    site.deploy("v2", git_repo=new_repository.url)
    assert site.serves("v2")


@pytest.mark.parametrize("layout", ["releases", "in_place"])
def test_odd_folders_repositories_and_shared_paths_work(
    make_site: Callable[..., Site], shared_host: Host, layout: str
) -> None:
    site = make_site(shared_host, layout=layout)
    odd = f"{site.app_path}/{ODD_FOLDER}"
    site.options["app_path"] = odd
    repository = f"/srv/{site.name} repository é'.git"
    site.host.ssh(f"git clone --quiet --mirror {site.repository.url} /tmp/{site.name}")
    site.host.run(f"mv /tmp/{site.name} {shlex.quote(repository)}")
    site.options["git_repo"] = repository
    if layout == "releases":
        site.options["shared"] = [ODD, f"deep/{ODD}"]
    site.host.install_unit(site.unit, site.unit_text())
    assert site.checks() == {}
    first = site.deploy("v1")
    assert site.serves("v1")
    site.deploy("v2")
    assert site.serves("v2")
    site.rollback(first)
    assert site.serves("v1")
    assert site.status().release == Release(version="v1", revision=first.revision, details=first.details)
    if layout == "releases":
        assert site.host.succeeds(f"test -L {shlex.quote(f'{odd}/current/deep/{ODD}')}")


@pytest.mark.parametrize("name", ['it\'s;é✓$(x)"q"`x`', "deep/er&|x", "-oProxyCommand=x"])
def test_odd_names_of_tags_and_branches_work(site: Site, new_repository: Repository, name: str) -> None:
    commit = new_repository.commit("v2")
    site.options["git_repo"] = new_repository.url
    for kind, asked in (("tags", {"version": name}), ("heads", {"branch": name})):
        if kind == "heads" and name.startswith("-"):
            continue
        new_repository.git("push", "--quiet", "origin", f"{commit}:refs/{kind}/{name}")
        deployed = site.deploy(asked.get("version"), force=True, branch=asked.get("branch"))
        assert (deployed.version, deployed.revision) == (name, commit)
        assert site.answer().startswith(f"v2 {name} {commit}")
        new_repository.git("push", "--quiet", "--delete", "origin", f"refs/{kind}/{name}")


def test_a_build_and_a_service_get_the_environment_as_it_stands_in_the_file(site: Site) -> None:
    given = {"PORT": str(site.port), **{name: Secret(value) for name, value in VALUES.items()}}
    code = "import json, os; json.dump(dict(os.environ), open('built.json', 'w'))"
    site.deploy("v1", environment=given, build=[f"python3 -c {shlex.quote(code)}"])
    assert site.serves("v1")
    built = json.loads(site.host.run(f"cat {site.app_path}/current/built.json"))
    serving = json.loads(site.answer("/environment"))
    for name, value in VALUES.items():
        assert built[name] == value, f"the build got another {name}"
        assert serving[name] == value, f"the service got another {name}"
    assert built["FRAISIER_VERSION"] == serving["FRAISIER_VERSION"] == "v1"
    assert built["FRAISIER_REVISION"] == serving["FRAISIER_REVISION"]


def test_the_environment_is_on_no_command_line_and_in_no_file_that_others_can_read(site: Site) -> None:
    secret = "a-value-that-nobody-may-see"
    site.options["environment"] |= {"TOKEN": Secret(secret)}
    seen = f"/tmp/{site.name}-command-lines"
    look = f"cat /proc/[0-9]*/cmdline >>{seen} 2>/dev/null || true"
    site.host.install_unit(
        site.unit, site.unit_text().replace("ExecStart=", f'ExecStartPre=/bin/sh -c "{look}"\nExecStart=')
    )
    site.deploy("v1", build=[look, f'test "$TOKEN" = {secret[:5]}"${{TOKEN#?????}}"'])
    assert site.serves("v1")
    assert site.host.run(f"tr '\\0' ' ' <{seen}").count("sh -s") >= 2, "nothing was seen"
    assert not site.host.succeeds(f"grep --quiet {secret} {seen}")
    readable = f"find {site.app_path} -type f -perm /077 -exec grep --files-with-matches {secret} {{}} +"
    assert site.host.run(f"{readable} || true") == ""
    holding = site.host.run(f"grep --recursive --files-with-matches {secret} {site.app_path}").split()
    assert len(holding) == 1
    assert site.host.run(f"stat -c '%a %U' {holding[0]}") == "600 deploy\n"
