"""Images on the engine: pulled or built, pinned by what never means anything else, kept for rollback, pruned."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from fraisier import Progress, TargetError

from fraisier_compose.docker import Docker
from fraisier_compose.failures import failure
from fraisier_compose.options import Options
from fraisier_compose.reference import DIGEST, Reference

_RUNS: Final = {"amd64": {"amd64", "386"}, "arm64": {"arm64", "arm"}}
"""What an engine's architecture runs besides itself."""
_KEPT: Final = "fraisier"
_LISTED: Final = "{{.ID}} {{.Tag}}"


class ImageConfig(msgspec.Struct, frozen=True, rename="pascal"):
    """What matters here of what an image says of its containers."""

    healthcheck: Mapping[str, Any] | None = None


class Image(msgspec.Struct, frozen=True, rename="pascal"):
    """One image of `docker image inspect`."""

    id: str
    architecture: str = ""
    repo_digests: list[str] | None = None
    config: ImageConfig | None = None


class Pinned(NamedTuple):
    """An image on the engine, under a name that never means another one."""

    name: str
    """`REPOSITORY@sha256:…`, or the image's id where no registry has it."""
    image: Image

    @property
    def digest(self) -> str:
        """The immutable part of the name."""
        return Reference.of(self.name).digest


def found(docker: Docker, names: Sequence[str]) -> dict[str, Image]:
    """Return which of the named images are on the engine."""
    if not names:
        return {}
    told = docker.try_engine("image", "inspect", *names)
    if told.exit_code != 0 and "no such image" not in told.stderr.lower():
        raise failure("cannot look at the images", "docker image inspect", told.lines)
    images = msgspec.json.decode(told.stdout or b"[]", type=list[Image])
    if len(images) == len(names):
        return dict(zip(names, images, strict=True))
    # Those that are not there leave no gap in the answer.
    return {} if len(names) == 1 else {name: one for each in names for name, one in found(docker, [each]).items()}


def pull(docker: Docker, options: Options, reference: Reference, platform: str, progress: Progress) -> Pinned:
    """Get an image from its registry, or from the engine where `pull` allows that, and pin it.

    Raises:
        TargetError: it cannot be had; the message says whose fault that is.
    """
    name = str(reference)
    # What a digest means does not change.
    may_be_here = options.pull != "always" or bool(reference.digest)
    here = found(docker, [name]).get(name) if may_be_here else None
    if here is not None:
        return pinned(reference, here, "")
    if options.pull == "never":
        raise TargetError(f"the image {name} is not on the engine, and pull is never", hint=f"docker pull {name}")
    layers = _Layers(progress)
    words = ["pull", *(["--platform", platform] if platform else []), name]
    told = docker.try_engine(*words, timeout=options.deadlines.pull, on_line=layers.hear)
    if told.exit_code != 0:
        raise failure(f"cannot pull {name}", f"docker pull {name}", told.lines, registry=True)
    here = found(docker, [name]).get(name)
    if here is None:
        raise TargetError(f"the image {name} was pulled, and is not on the engine", hint="deploy again")
    return pinned(reference, here, layers.digest)


def build(
    docker: Docker,
    options: Options,
    references: Mapping[str, Reference],
    variables: Mapping[str, str],
    progress: Progress,
) -> dict[str, Pinned]:
    """Build the images of services on the engine as the file says, and pin them by their ids.

    Args:
        docker: the engine.
        options: the target's.
        references: how to name the image of each service.
        variables: for the file.
        progress: hears the build's output.
    """
    names = {service: {"image": str(each).replace("$", "$$")} for service, each in references.items()}
    docker.compose(
        "cannot build the image",
        *("--file", "-", "--progress", "plain", "build", *references),
        variables=variables,
        timeout=options.deadlines.build,
        stdin=json.dumps({"services": names}).encode(),
        on_line=progress.line,
    )
    here = found(docker, [str(each) for each in references.values()])
    return {service: Pinned(here[str(each)].id, here[str(each)]) for service, each in references.items()}


def refuse_foreign(pinned: Mapping[str, Pinned], platforms: Mapping[str, str], architecture: str) -> None:
    """Refuse an image for another architecture than the engine's, unless the file asks for it with `platform`."""
    for service, each in pinned.items():
        theirs = each.image.architecture
        if theirs and not platforms[service] and theirs not in _RUNS.get(architecture, {architecture}):
            message = f"the image of {service} is for another architecture than the engine's"
            hint = f"build it with: docker buildx build --platform linux/{architecture}"
            raise TargetError(f"{message}: {theirs}, want {architecture}", hint=hint)


def keep(
    docker: Docker, scope: str, in_service: Mapping[str, str], kept: Sequence[str], repositories: Iterable[str]
) -> list[str]:
    """Tag what is in service, so that no prune of dangling images takes it, and return what nobody goes back to.

    Args:
        docker: the engine.
        scope: whose images, such as `PROJECT/SERVICE`.
        in_service: the pinned images, each with the repository to tag it in.
        kept: all pinned images that are to stay.
        repositories: where images of this target come from.
    """
    prefix = f"{_KEPT}-{hashlib.sha256(scope.encode()).hexdigest()[:12]}-"
    for name, repository in in_service.items():
        docker.engine("cannot tag the image", "tag", name, f"{repository}:{prefix}{_short(name)}")
    stay = {f"{prefix}{_short(name)}" for name in kept}
    unwanted: list[str] = []
    for repository in sorted(set(repositories)):
        listed = docker.engine(
            "cannot list the images", "image", "ls", "--no-trunc", "--format", _LISTED, repository
        )
        tags = [line.partition(" ")[::2] for line in listed.text.splitlines()]
        unwanted += [f"{repository}:{tag}" for tag in _unwanted(tags, prefix, stay)]
    return unwanted


def remove(docker: Docker, names: Sequence[str]) -> None:
    """Remove images by their names; one that a container still uses stays."""
    if names:
        docker.try_engine("image", "rm", *names)


def _unwanted(tags: Sequence[tuple[str, str]], prefix: str, stay: set[str]) -> list[str]:
    """Return the tags of images that we have kept, and that neither we nor another target keeps any more.

    Args:
        tags: the id of an image with each of its tags.
        prefix: of our own tags.
        stay: those of our own that stay.
    """
    ours = {image for image, tag in tags if tag.startswith(prefix)}
    wanted = {image for image, tag in tags if tag in stay}
    others = {image for image, tag in tags if tag.startswith(f"{_KEPT}-") and not tag.startswith(prefix)}
    return [tag for image, tag in tags if image in ours - wanted - others and tag != "<none>"]


def _short(name: str) -> str:
    return Reference.of(name).digest.removeprefix("sha256:")[:12]


def pinned(reference: Reference, image: Image, digest: str) -> Pinned:
    """Pin an image by the digest under which its registry knows it, or by its id where none does."""
    if reference.digest and reference.repository:
        return Pinned(str(reference), image)
    for each in image.repo_digests or []:
        known = Reference.of(each)
        if not digest and known.full_repository == reference.full_repository:
            digest = known.digest
    return Pinned(f"{reference.repository}@{digest}" if digest else image.id, image)


class _Layers:
    """How far a pull is, in layers, from what `docker pull` says."""

    def __init__(self, progress: Progress) -> None:
        self.digest = ""
        self._progress = progress
        self._done: dict[str, bool] = {}

    def hear(self, line: str) -> None:
        """Take one line of it."""
        name, _, said = line.partition(": ")
        if name == "Digest" and DIGEST.fullmatch(said.strip()):
            self.digest = said.strip()
        if said in ("Pulling fs layer", "Waiting", "Already exists", "Pull complete"):
            self._done[name] = said in ("Already exists", "Pull complete")
            self._progress.advance(sum(self._done.values()), len(self._done))
        elif not (said.endswith("ing") or said in ("Download complete", "Verifying Checksum")):
            self._progress.line(line)
