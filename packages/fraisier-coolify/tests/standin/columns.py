"""The columns of an application: which there are, which may be written, and what they may hold."""

from __future__ import annotations

import re
from typing import Any, Final

from .answers import invalid
from .versions import Version

DEFAULTS: Final[dict[str, Any]] = {
    "name": "",
    "description": None,
    "build_pack": "nixpacks",
    "fqdn": None,
    "git_repository": "coollabsio/coolify",
    "git_branch": "main",
    "git_commit_sha": "HEAD",
    "docker_registry_image_name": None,
    "docker_registry_image_tag": None,
    "docker_compose_location": "/docker-compose.yaml",
    "docker_compose_domains": None,
    "dockerfile": None,
    "install_command": None,
    "build_command": None,
    "start_command": None,
    "ports_exposes": "80",
    "ports_mappings": None,
    "base_directory": "/",
    "publish_directory": None,
    "health_check_enabled": False,
    "health_check_path": "/",
    "health_check_port": None,
    "health_check_host": "localhost",
    "health_check_method": "GET",
    "health_check_return_code": 200,
    "health_check_scheme": "http",
    "health_check_response_text": None,
    "health_check_interval": 5,
    "health_check_timeout": 5,
    "health_check_retries": 10,
    "health_check_start_period": 5,
    "post_deployment_command": None,
    "pre_deployment_command": None,
    "watch_paths": None,
    "redirect": "both",
}
SETTINGS: Final[dict[str, Any]] = {
    "is_auto_deploy_enabled": True,
    "is_force_https_enabled": True,
    "is_preview_deployments_enabled": False,
    "is_consistent_container_name_enabled": False,
    "is_static": False,
    "docker_images_to_keep": 2,
}
_NOT_WRITABLE: Final = ("fqdn", "dockerfile")
WRITABLE: Final = frozenset(DEFAULTS) - set(_NOT_WRITABLE) | set(SETTINGS)
"""What both creating and changing take; the domains come in under a name of their own."""

BUILD_PACKS: Final = ("nixpacks", "railpack", "static", "dockerfile", "dockercompose")
COMMIT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
IMAGE: Final = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*(@sha256)?")
_STRINGS: Final = (
    "name",
    "git_branch",
    "git_repository",
    "docker_registry_image_name",
    "docker_registry_image_tag",
)


def check(version: Version, sent: dict[str, Any], also: frozenset[str]) -> None:
    """Refuse what a column cannot hold, and every key that is none; one bad key refuses all of them."""
    errors: dict[str, Any] = {key: ["This field is not allowed."] for key in sent if key not in WRITABLE | also}
    for key, value in sent.items():
        if key in errors:
            continue
        if problem := _problem(version, key, value):
            errors[key] = [problem]
    if errors:
        raise invalid(errors)


def _problem(version: Version, key: str, value: Any) -> str:
    shown = key.replace("_", " ")
    if key == "git_commit_sha" and not (isinstance(value, str) and COMMIT.fullmatch(value)):
        # An empty text has become null on its way in, and this column is not nullable.
        return f"The {shown} field format is invalid."
    if key == "build_pack" and value not in BUILD_PACKS:
        return f"The selected {shown} is invalid."
    if key in _STRINGS and value is not None and not isinstance(value, str):
        return f"The {shown} field must be a string."
    if key == "docker_registry_image_tag" and value and not TAG.fullmatch(value):
        return f"The {shown} field format is invalid."
    strict = version.has("strict_image_names")
    if key == "docker_registry_image_name" and strict and value and not IMAGE.fullmatch(value):
        return f"The {shown} field format is invalid."
    if key in DEFAULTS | SETTINGS and isinstance((DEFAULTS | SETTINGS)[key], bool) and not isinstance(value, bool):
        return f"The {shown} field must be true or false."
    return ""
