"""Services: compose text, its images and variables, and a start that tells nobody how it went."""

from __future__ import annotations

import re

from .containers import settings_of, settle_service, started
from .sources import Image
from .world import Container, Part, Service, World

_IMAGE = re.compile(
    r"^  (?P<name>[\w.-]+):[^\n]*\n(?:    [^\n]*\n)*?    image:[ \t]*(?P<image>[^\n]+)$", re.MULTILINE
)
_REFERENCE = re.compile(r"\$\{(?P<name>\w+)(?::?-(?P<default>[^}]*))?\}|\$(?P<bare>\w+)")


def images_in(compose: str) -> dict[str, str]:
    """Return the images in compose text, by the names of their services, as they are written there.

    It knows the usual form alone: `services:`, then names indented by two and `image:` by four spaces.
    """
    found = _IMAGE.finditer(compose.expandtabs(2))
    return {each["name"]: each["image"].strip().strip("\"'") for each in found}


def set_compose(world: World, service: Service, compose: str) -> None:
    """Store compose text, and make the parts that it names."""
    service.compose = compose
    known = {part.name: part for part in service.parts}
    service.parts = [known.get(name) or Part(world.uuid(), name) for name in images_in(compose)]


def set_image(service: Service, part: Part, image: str) -> None:
    """Rewrite the image of one part in the stored compose text."""
    match = next(each for each in _IMAGE.finditer(service.compose) if each["name"] == part.name)
    service.compose = service.compose[: match.start("image")] + image + service.compose[match.end("image") :]


def start(world: World, service: Service, parts: list[Part], *, pull: bool) -> None:
    """Recreate containers, some time from now; where an image cannot be had, all stays as it was."""
    service.starting = True

    def recreate() -> None:
        service.starting = False
        settle_service(world, service)
        wanted = {part.name: _resolved(service, images_in(service.compose)[part.name]) for part in parts}
        found = {name: _image(world, service, reference, pull=pull) for name, reference in wanted.items()}
        if None in found.values():
            return
        for part in parts:
            image = found[part.name]
            assert image is not None
            part.container = _container(world, service, part, wanted[part.name], image)

    world.clock.later(world.pace.build + world.pace.start, recreate)


def stop(world: World, service: Service, parts: list[Part]) -> None:
    """Remove containers."""
    for part in parts:
        part.container = None
    settle_service(world, service)


def _container(world: World, service: Service, part: Part, reference: str, image: Image) -> Container:
    words = (reference, f"sha256:{image.digest}", *settings_of(service.variables))
    tag = reference.rpartition(":")[2]
    return started(world, f"{part.name}-{service.uuid}", reference, tag, image.behaves, (tag, *words))


def _resolved(service: Service, written: str) -> str:
    values = {variable.key: variable.value or "" for variable in service.variables}

    def value(match: re.Match[str]) -> str:
        name = match["name"] or match["bare"]
        return values.get(name) or match["default"] or ""

    return _REFERENCE.sub(value, written)


def _image(world: World, service: Service, reference: str, *, pull: bool) -> Image | None:
    """Return the image kept on the server, and the registry's where there is none or it is to be pulled."""
    name, _, tag = reference.rpartition(":") if ":" in reference.rpartition("/")[2] else (reference, ":", "latest")
    kept = service.pulled.get(reference)
    image = world.registry.find(name, f"sha256-{kept}" if kept and not pull else tag)
    if image is not None:
        service.pulled[reference] = image.digest
    return image
