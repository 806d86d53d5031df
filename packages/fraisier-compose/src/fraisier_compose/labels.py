"""What a release leaves on its containers, from which any machine can tell it and come back to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec
from fraisier import Release, Target

from fraisier_compose.reference import Reference

_PREFIX: Final = "fraisier."
TARGET: Final = f"{_PREFIX}target"
_VERSION: Final = f"{_PREFIX}version"
_REVISION: Final = f"{_PREFIX}revision"
_IMAGES: Final = f"{_PREFIX}images"
_DEPLOYMENT: Final = f"{_PREFIX}deployment"
_REPLICAS: Final = f"{_PREFIX}replicas"
_CONFIGURATION: Final = f"{_PREFIX}configuration"
_REPLACED: Final = f"{_PREFIX}replaced"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A release as it is written on containers."""

    version: str
    revision: str
    images: Mapping[str, str]
    """The pinned image of each service."""

    @classmethod
    def new(cls, version: str, images: Mapping[str, str]) -> Recorded:
        """Return a release of pinned images; its revision is their digest, or of several ones that of the list."""
        digests = {service: Reference.of(name).digest for service, name in images.items()}
        revision = next(iter(digests.values()))
        if set(digests.values()) != {revision}:
            text = "".join(f"{service}={digest}\n" for service, digest in sorted(digests.items()))
            revision = f"sha256:{sha256(text.encode()).hexdigest()}"
        return cls(version=version, revision=revision, images=images)

    @property
    def release(self) -> Release:
        """The release, as `rollback` wants it."""
        return Release(version=self.version, revision=self.revision, details={"images": dict(self.images)})


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """All that is written on one container."""

    recorded: Recorded
    target: str
    """`fraise:environment`."""
    deployment: str
    replicas: int
    """How many containers the file asked for."""
    configuration: str
    """A hash of what the file and the options say besides the version."""
    replaced: Sequence[Recorded]
    """What was in service before, newest first."""

    @classmethod
    def new(
        cls,
        target: Target,
        recorded: Recorded,
        replicas: int,
        configuration: str,
        replaced: Sequence[Recorded],
    ) -> Labels:
        """Return the labels for a deployment that is going on."""
        return cls(
            recorded=recorded,
            target=target.identifier,
            deployment=target.deployment_id,
            replicas=replicas,
            configuration=configuration,
            replaced=replaced,
        )

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Labels | None:
        """Return what is written on a container, or None where we have written nothing."""
        try:
            return cls(
                recorded=Recorded(
                    version=labels[_VERSION],
                    revision=labels[_REVISION],
                    images=_decoded(labels[_IMAGES], dict[str, str]),
                ),
                target=labels.get(TARGET, ""),
                deployment=labels.get(_DEPLOYMENT, ""),
                replicas=int(labels.get(_REPLICAS, "1")),
                configuration=labels.get(_CONFIGURATION, ""),
                replaced=_decoded(labels.get(_REPLACED, "[]"), list[Recorded]),
            )
        except (KeyError, ValueError, msgspec.MsgspecError):
            return None

    def written(self) -> dict[str, str]:
        """Return the labels themselves."""
        return {
            TARGET: self.target,
            _VERSION: self.recorded.version,
            _REVISION: self.recorded.revision,
            _IMAGES: _encoded(self.recorded.images),
            _DEPLOYMENT: self.deployment,
            _REPLICAS: str(self.replicas),
            _CONFIGURATION: self.configuration,
            _REPLACED: _encoded(self.replaced),
        }


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _decoded(text: str, kind: Any) -> Any:
    return msgspec.json.decode(text, type=kind)
