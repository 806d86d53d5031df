"""One deployment of an application, from its worker's first line to the last, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .containers import settings_of, settle, started
from .sources import Behaviour, Commit
from .world import Application, Deployment, World

BUILD_SETTINGS = ("git_repository", "git_branch", "git_commit_sha", "build_pack", "dockerfile", "build_command")


class Job:
    """A deployment under way; each step is an event, and finds out that the row was cancelled or failed."""

    def __init__(self, world: World, row: Deployment, ended: Callable[[Deployment], None]) -> None:
        self.world = world
        self.row = row
        self.application: Application = row.application
        self._ended = ended
        self._version = ""
        self._image = ""
        self._words: tuple[str, ...] = ()
        self._behaves: Behaviour = "healthy"

    def begin(self) -> None:
        """Take the row; nothing is written until a worker picks it up."""
        self._update("in_progress")
        self._then(self.world.pace.pick_up, self._pick_up)

    def _then(self, seconds: float, step: Callable[[], None]) -> None:
        self.world.clock.later(seconds, lambda: step() if self.row.status == "in_progress" else None)

    def _pick_up(self) -> None:
        columns, row = self.application.columns, self.row
        row.worker = 20_000 + row.id
        what = f"{columns['git_repository']}:{columns['git_branch']}"
        if self.application.kind == "dockerimage":
            what = f"{columns['docker_registry_image_name']}:{columns['docker_registry_image_tag'] or 'latest'}"
        self._say(f"Starting deployment of {what} to {row.server.name}.")
        self._say("Preparing container with helper image: ghcr.io/coollabsio/coolify-helper:1.0.12.")
        self._say("", command=f"docker run -d --name {row.uuid} ghcr.io/coollabsio/coolify-helper:1.0.12")
        self._then(self.world.pace.resolve, self._resolve)

    def _resolve(self) -> None:
        if self.application.kind == "dockerimage":
            self._then(self.world.pace.build, self._pull)
            return
        commit = self._wanted_commit()
        if commit is None:
            self._fail(f"fatal: remote error: upload-pack: not our ref {self.row.commit}")
            return
        columns = self.application.columns
        where = f"{columns['git_repository']}:{columns['git_branch']}"
        self._say(f"Importing {where} (commit sha {commit.sha}) to /artifacts/{self.row.uuid}.")
        tells_it = self.row.rollback or self.world.version.has("row_tells_the_pin")
        told = commit if tells_it else self._head() or commit
        self.row.commit, self.row.commit_message = told.sha, told.message
        self._version, self._behaves = commit.sha, commit.behaves
        self._image = f"{self.application.uuid}:{commit.sha}"
        self._words = (commit.sha, str(columns["git_branch"]), commit.message)
        self._then(self.world.pace.build, self._build)

    def _wanted_commit(self) -> Commit | None:
        columns, wanted = self.application.columns, self.row.commit
        repository = self.world.repository(columns["git_repository"])
        if wanted != "HEAD" and (self.row.rollback or self.world.version.has("pin_is_built")):
            return repository.find(wanted)
        pin = columns["git_commit_sha"]
        if pin != "HEAD" and self.world.version.has("pin_is_built"):
            # The pin is built although the row says HEAD: so it was before the rows told of it.
            return repository.find(pin)
        return self._head()

    def _head(self) -> Commit | None:
        columns = self.application.columns
        return self.world.repository(columns["git_repository"]).head(columns["git_branch"])

    def _pull(self) -> None:
        columns = self.application.columns
        name, tag = columns["docker_registry_image_name"], columns["docker_registry_image_tag"] or "latest"
        if self.row.rollback and self.world.version.has("image_rollback_honours_the_tag"):
            tag = self.row.commit
        image = self.world.registry.find(name, tag)
        self._say("Pulling & building required images.")
        self._say("", command=f"docker pull {name}:{tag}")
        if image is None:
            reference = f"manifest for {name}:{tag} not found"
            self._fail(f"Error response from daemon: {reference}: manifest unknown: manifest unknown")
            return
        self._say(f"{tag}: Pulling from {name}\nDigest: sha256:{image.digest}\nStatus: Downloaded", hidden=True)
        self._version, self._behaves = tag, image.behaves
        self._image, self._words = f"{name}:{tag}", (tag, f"{name}:{tag}", f"sha256:{image.digest}")
        self._replace()

    def _build(self) -> None:
        application, tag = self.application, self._version
        settings = repr([application.columns.get(name) for name in BUILD_SETTINGS])
        kept = tag in application.images and application.kind != "dockercompose" and not self.row.force_rebuild
        if kept and settings == application.built_with:
            self._say(f"No build configuration changed & image found ({self._image}). Build step skipped.")
        else:
            if kept:
                self._say("Build configuration changed. Rebuilding image.")
            self._say("Building docker image started.")
            # Chunks, as they come out of a pipe: several lines in one, and half a line in another.
            self._say("#1 [1/2] FROM docker.io/library/python\n#1 DONE 0.1s\n#2 [2/2] CO", hidden=True)
            self._say("PY . /app\n", hidden=True, stderr=True)
            if self._behaves == "fails_to_build":
                self._fail('#2 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2')
                return
            application.images[tag] = self.world.clock.now
            self._say("Building docker image completed.")
        application.built_with = settings
        self._replace()

    def _replace(self) -> None:
        if self._rolls:
            self._say("----------------------------------------")
            self._say("Rolling update started.")
        else:
            self._say("Removing old containers.")
            if not self.row.pull_request_id:
                self.application.container = None
        self._then(self.world.pace.start, self._start)

    @property
    def _rolls(self) -> bool:
        """Tell whether the old container stays until the new one is found healthy."""
        application = self.application
        fixed = bool(application.settings.get("is_consistent_container_name_enabled"))
        return not (application.columns["ports_mappings"] or fixed or application.kind == "dockercompose")

    def _start(self) -> None:
        application = self.application
        settings = settings_of(application.variables)
        behaves = "crashes" if any(each.endswith("=broken") for each in settings) else self._behaves
        words = self._words + settings
        if self.row.pull_request_id:
            self._end("finished", [("Preview deployed.", False)])
            return
        new = started(self.world, application.name, self._image, self._version, behaves, words)
        self._say("New container started." if self._rolls else "Starting new application.")
        if self._rolls and application.columns["health_check_enabled"]:
            self._say("Waiting for healthcheck to pass on the new container.")
            if not new.healthy or new.state != "running":
                self._say("New container is not healthy, rolling back to the old container.", stderr=True)
                self._say("Rolling update completed.")
                self._fail("New container is not healthy.")
                return
            self._say("New container is healthy.")
        application.container = new
        self._forget_images()
        if self._rolls:
            # Without a health, which then reads as `running:unhealthy`.
            application.status = "running"
            self._say("Removing old containers.")
            self._say("Rolling update completed.")
        settle(self.world, application)
        self._end("finished", [("Deployment finished; cleaning up.", False)])

    def _forget_images(self) -> None:
        application = self.application
        kept = int(application.settings["docker_images_to_keep"]) + 1
        newest = sorted(application.images, key=application.images.__getitem__, reverse=True)
        for tag in newest[kept:]:
            del application.images[tag]

    def _fail(self, why: str) -> None:
        last = "Deployment failed. Removing the new version of your application."
        settle(self.world, self.application)
        self._end("failed", [(why, True), (last, True)])

    def _end(self, status: str, last: list[tuple[str, bool]]) -> None:
        """End the row; the last lines and `finished_at` come only afterwards."""
        self._update(status)

        def finish() -> None:
            for line, stderr in last:
                self._say(line, stderr=stderr)
            self.row.finished = self.world.clock.now

        self.world.clock.later(self.world.pace.tail, finish)
        self._ended(self.row)

    def _update(self, status: str) -> None:
        self.row.status, self.row.updated = status, self.world.clock.now

    def _say(self, output: str, *, stderr: bool = False, hidden: bool = False, command: str | None = None) -> None:
        """Add an entry to the log, with the irregular keys that entries have."""
        self.row.log = log = self.row.log or []
        entry: dict[str, Any] = {
            "command": command,
            "output": output,
            "type": "stderr" if stderr else "stdout",
            "timestamp": self.world.clock.stamp(),
            "hidden": hidden or command is not None,
            "batch": 1,
        }
        if log:
            entry["order"] = len(log) + 1
        log.append(entry)
