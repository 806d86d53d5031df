"""How the names of images are read."""

from __future__ import annotations

import pytest
from fraisier_compose.reference import Reference, is_version

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("name", "repository", "tag", "digest"),
    [
        ("nginx", "nginx", "", ""),
        ("nginx:1.27", "nginx", "1.27", ""),
        ("acme/app:v1", "acme/app", "v1", ""),
        ("r.example.com:5000/acme/app", "r.example.com:5000/acme/app", "", ""),
        ("r.example.com:5000/acme/app:v1", "r.example.com:5000/acme/app", "v1", ""),
        (f"acme/app@{DIGEST}", "acme/app", "", DIGEST),
        (f"acme/app:v1@{DIGEST}", "acme/app", "v1", DIGEST),
        (f"acme/app:{DIGEST}", "acme/app", "", DIGEST),
        (DIGEST, "", "", DIGEST),
    ],
)
def test_a_name_is_taken_apart(name: str, repository: str, tag: str, digest: str) -> None:
    assert Reference.of(name) == (repository, tag, digest)


@pytest.mark.parametrize(
    ("name", "written"),
    [("nginx", "nginx:latest"), ("a/b:v1", "a/b:v1"), (f"a/b:v1@{DIGEST}", f"a/b@{DIGEST}"), (DIGEST, DIGEST)],
)
def test_a_name_is_put_together_again(name: str, written: str) -> None:
    assert str(Reference.of(name)) == written


@pytest.mark.parametrize(
    ("name", "full", "registry"),
    [
        ("nginx", "docker.io/library/nginx", "docker.io"),
        ("docker.io/nginx", "docker.io/library/nginx", "docker.io"),
        ("index.docker.io/acme/app", "docker.io/acme/app", "docker.io"),
        ("acme/app", "docker.io/acme/app", "docker.io"),
        ("localhost/app", "localhost/app", "localhost"),
        ("127.0.0.1:5000/app:v1", "127.0.0.1:5000/app", "127.0.0.1:5000"),
    ],
)
def test_the_registry_of_a_name_is_known(name: str, full: str, registry: str) -> None:
    reference = Reference.of(name)
    assert (reference.full_repository, reference.registry) == (full, registry)


@pytest.mark.parametrize("version", ["v1", "1.0", "_", "A-b.c", "x" * 128, DIGEST])
def test_tags_and_digests_are_versions(version: str) -> None:
    assert is_version(version)


@pytest.mark.parametrize(
    "version", ["", "-v1", ".x", "a b", "a/b", "a:b", "x" * 129, "sha256:abc", "v1\n", "$(ls)"]
)
def test_nothing_else_is_a_version(version: str) -> None:
    assert not is_version(version)
