"""What stands under `config` in `fraises.yaml` for a target of the provider `coolify`."""

from __future__ import annotations

from typing import Annotated, Literal

import fraisier
import msgspec
from fraisier import Secret

# The ends of the patterns keep a line end out, which `$` alone does not.
Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f]*[^\x00-\x20][^\x00-\x1f]*$(?!\n)", max_length=255)]
Variable = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$(?!\n)", max_length=255)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86400)]
VersionBy = Annotated[str, msgspec.Meta(pattern=r"^(image_tag|commit|branch|env:[A-Za-z_][A-Za-z0-9_.]*)$(?!\n)")]
Image = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._/:-]*$(?!\n)")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Address = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s,]+$(?!\n)")]
BuildPack = Literal["nixpacks", "railpack", "static", "dockerfile", "dockercompose"]


class Named(fraisier.Options):
    """An application or service by its name, where the name alone says too little."""

    name: Name
    project: Name | None = None
    environment: Name | None = None

    def __post_init__(self) -> None:
        if self.environment is not None and self.project is None:
            raise ValueError("expected project beside environment")


class Create(fraisier.Options):
    """How to make the application when it does not exist: an image, or a repository."""

    project: Name
    server: Name | None = None
    """Not needed where there is only one."""
    environment: Name = "production"
    image: Image | None = None
    """Without a tag."""
    repository: Name | None = None
    branch: Name = "main"
    build_pack: BuildPack | None = None
    ports: list[Port] = msgspec.field(default_factory=list)
    """That the container listens on; needed for all but compose."""
    domains: list[Address] = msgspec.field(default_factory=list)
    private_key: Name | None = None
    """The uuid of a deploy key in Coolify, for a private repository."""
    github_app: Name | None = None
    """The uuid of a GitHub app in Coolify, for a private repository."""

    def __post_init__(self) -> None:
        if (self.image is None) == (self.repository is None):
            raise ValueError("expected exactly one of image and repository")
        if self.repository is not None and self.build_pack is None:
            raise ValueError("expected build_pack beside repository")
        if self.image is not None and (self.build_pack or self.private_key or self.github_app):
            raise ValueError("build_pack, private_key, github_app: expected with repository only")
        if self.image is not None and ":" in self.image.rpartition("/")[2]:
            raise ValueError("image: expected no tag, which is what a deployment sets")
        if self.private_key is not None and self.github_app is not None:
            raise ValueError("expected at most one of private_key and github_app")
        if not self.ports and self.build_pack != "dockercompose":
            raise ValueError("ports: missing, and required for all but dockercompose")


class Options(fraisier.Options):
    """An application or a service of a Coolify v4 server."""

    url: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^https?://[^\s/?#@]+(/api/v1)?/?$(?!\n)",
            examples=["https://coolify.example.com"],
            description="Where Coolify is.",
        ),
    ]
    api_key: Annotated[
        Secret,
        msgspec.Meta(
            examples=["${COOLIFY_TOKEN}"],
            description="A token with the abilities read, read:sensitive, write, deploy; with its number and |.",
        ),
    ]
    application: Annotated[
        Name | Named | None,
        msgspec.Meta(
            examples=["my_service"],
            description="The application: its uuid, its name, one of its addresses, or a mapping of name, project "
            "and environment where a name is there twice.",
        ),
    ] = None
    service: Annotated[
        Name | Named | None,
        msgspec.Meta(description="A service (a stack) in place of an application, named in the same ways."),
    ] = None
    version_by: Annotated[
        VersionBy | None,
        msgspec.Meta(
            description="What a version is: image_tag, commit, branch, or env:NAME for a variable that holds it. "
            "Default: image_tag for images, commit for what comes from git; a service needs env:NAME.",
        ),
    ] = None
    environment: Annotated[
        dict[Variable, Secret],
        msgspec.Meta(description="Variables to set before each deployment; others stay as they are."),
    ] = msgspec.field(default_factory=dict)
    force: Annotated[
        bool, msgspec.Meta(description="Whether Coolify builds without its cache; images are always pulled.")
    ] = False
    poll_interval: Annotated[
        Seconds, msgspec.Meta(description="Seconds between two looks at a deployment, give or take a quarter.")
    ] = 4.0
    timeout: Annotated[
        Seconds,
        msgspec.Meta(description="Seconds that a deployment may take, waiting for others before it included."),
    ] = 3900.0
    cancel_on_timeout: Annotated[
        bool, msgspec.Meta(description="Whether a deployment that takes longer is cancelled.")
    ] = True
    settle_timeout: Annotated[
        Seconds,
        msgspec.Meta(description="Seconds after a deployment in which Coolify's status may still be the old one."),
    ] = 90.0
    request_timeout: Annotated[Seconds, msgspec.Meta(description="Seconds that one answer may take.")] = 30.0
    ca_bundle: Annotated[
        Annotated[str, msgspec.Meta(min_length=1)] | None,
        msgspec.Meta(
            description="A file of certificates to trust; relative paths start at the folder of fraises.yaml."
        ),
    ] = None
    create: Annotated[
        Create | None,
        msgspec.Meta(description="How to make the application when it does not exist."),
    ] = None

    def __post_init__(self) -> None:
        if (self.application is None) == (self.service is None):
            raise ValueError("expected exactly one of application and service")
        if self.service is not None and not (self.version_by or "").startswith("env:"):
            raise ValueError("version_by: expected env:NAME for a service: the variable that names its image")
        if self.service is not None and self.create is not None:
            raise ValueError("create: expected for an application only")
        token = self.api_key.reveal().strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError("api_key: expected a token, on one line and without spaces")
        if any("\0" in value.reveal() for value in self.environment.values()):
            raise ValueError("environment: expected no NUL character in a value")

    @property
    def root(self) -> str:
        """The address of Coolify, without what the API adds to it."""
        return self.url.removesuffix("/").removesuffix("/api/v1")

    @property
    def wanted(self) -> Named:
        """The application or service, as it is named."""
        named = self.application if self.application is not None else self.service
        if named is None:
            raise ValueError("neither application nor service")
        return Named(name=named) if isinstance(named, str) else named
