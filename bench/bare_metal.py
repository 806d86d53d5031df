"""A whole deploy over SSH against other ways to do the same, on hosts of the lab, as ratios within one run.

hatch run lab:up && hatch run bench-bare-metal [RUNS] [HOSTS]

Everything does the same: fetch into a mirror over SSH, export a new release, switch `current`, restart the unit,
wait until it answers with the new version, keep five releases. Times are of whole commands, from start to end;
each is the median of some runs, taken in turn.
"""

from __future__ import annotations

import itertools
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lab.host import Host
from lab.lab import Lab, open_lab
from lab.repository import Repository

DELAY = 0.05
"""Seconds each way: 100 ms for a round trip."""
PORT = 8000
UNIT = f"""\
[Service]
User=deploy
WorkingDirectory=/srv/APP/current
ExecStart=/usr/bin/python3 -u -m http.server --bind 127.0.0.1 {PORT}
"""
SCRIPT = r"""
set -e
app=/srv/@APP@ version=@VERSION@ id=$(date -u +%Y%m%dT%H%M%S)-$$
cd $app
[ -d repo.git ] || git init --quiet --bare repo.git
git --git-dir=repo.git fetch --quiet --prune @REPO@ '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
mkdir -p releases/$id
git --git-dir=repo.git archive $version | tar -x -C releases/$id
ln -s releases/$id current.tmp && mv -T current.tmp current
sudo -n systemctl restart @APP@.service
until [ "$(curl --silent --max-time 5 http://127.0.0.1:@PORT@/VERSION)" = "$version" ]; do sleep 0.05; done
ls -d releases/* | head -n -5 | xargs -r rm -rf
"""
PYINFRA = """\
from pyinfra.operations import server

for step in [
{steps}
]:
    server.shell(commands=[step])
"""

CAPISTRANO = {
    "Capfile": """\
require "capistrano/setup"
require "capistrano/deploy"
require "capistrano/scm/git"
install_plugin Capistrano::SCM::Git
""",
    "config/deploy/bench.rb": """\
ENV["HOSTS_TO_DEPLOY"].split(",").each { |name| server name, roles: [:app] }
""",
    "config/deploy.rb": """\
set :application, "capistrano"
set :repo_url, ENV["REPOSITORY"]
set :deploy_to, "/srv/capistrano"
set :tmp_dir, "/srv/capistrano"
set :branch, ENV["VERSION"]
namespace :deploy do
  after :publishing, :restart do
    on roles(:app) do
      execute :sudo, "-n", "systemctl", "restart", "capistrano.service"
      answer = "curl --silent --max-time 5 http://127.0.0.1:@PORT@/VERSION"
      execute "until [ \\"$(#{answer})\\" = #{fetch(:branch)} ]; do sleep 0.05; done"
    end
  end
end
""",
}

Way = Callable[[str, list[str]], None]
"""Deploys a version to hosts, by their names in the SSH configuration."""


class Ways:
    """The ways to deploy, each with a folder of its own on the hosts."""

    def __init__(self, lab: Lab, home: Path, repository: Repository) -> None:
        self.home = home
        self.repository = repository
        self.environment = {**os.environ, "HOME": str(home), "FRAISIER_DATABASE": str(home / "fraisier.db")}
        # Python keeps what it has compiled, as on anybody's machine.
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        (home / ".ssh").mkdir(mode=0o700)
        (home / ".ssh" / "config").symlink_to(lab.ssh_config)

    def raw(self, version: str, hosts: list[str]) -> None:
        """`ssh host sh -s < script`, one host after another."""
        for host in hosts:
            self._run(
                ["ssh", "-F", str(self.home / ".ssh/config"), host, "sh", "-s"], self._script("raw", version)
            )

    def fraisier(self, version: str, hosts: list[str]) -> None:
        """`fraisier deploy`."""
        config = self.home / f"{hosts[0]}-of-{len(hosts)}.yaml"
        if not config.exists():
            options = {
                "ssh_hosts": hosts,
                "git_repo": self.repository.url,
                "app_path": "/srv/fraisier",
                "systemd_service": "fraisier.service",
                "max_parallel": 20,
            }
            check = {"url": f"http://127.0.0.1:{PORT}/VERSION", "expect_body": "{version}"}
            target = {"provider": "bare_metal", "config": options, "health_check": check}
            config.write_text(json.dumps({"fraises": {"app": {"providers": {"bench": target}}}}))
        fraisier = str(Path(sysconfig.get_path("scripts")) / "fraisier")
        self._run([fraisier, "-c", str(config), "deploy", "app", "bench", "--version", version])

    def pyinfra(self, version: str, hosts: list[str]) -> None:
        """`pyinfra`, with the same steps as operations of their own."""
        lines = [line for line in self._script("pyinfra", version).splitlines() if line.strip()]
        steps = "\n".join(f"    {line!r}," for line in _steps(lines))
        deploy, inventory = self.home / "deploy.py", self.home / "inventory.py"
        deploy.write_text(PYINFRA.format(steps=steps))
        # It looks first whether there is a file of that name, which may not be as long as that of many hosts.
        inventory.write_text(f"hosts = {hosts!r}\n")
        self._run(["pyinfra", "-y", str(inventory), str(deploy)])

    def capistrano(self, version: str, hosts: list[str]) -> None:
        """`cap production deploy`."""
        for name, text in CAPISTRANO.items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("@PORT@", str(PORT)))
        named = {"VERSION": version, "HOSTS_TO_DEPLOY": ",".join(hosts), "REPOSITORY": self.repository.url}
        self._run(["cap", "bench", "deploy"], environment={**self.environment, **named})

    def _script(self, app: str, version: str) -> str:
        """Return the script for a folder and a version."""
        given = {
            "@APP@": app,
            "@VERSION@": version,
            "@REPO@": shlex.quote(self.repository.url),
            "@PORT@": str(PORT),
        }
        text = SCRIPT
        for name, value in given.items():
            text = text.replace(name, value)
        return text

    def _run(self, command: list[str], stdin: str = "", environment: dict[str, str] | None = None) -> None:
        done = subprocess.run(
            command,
            input=stdin,
            env=environment or self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            sys.exit(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _steps(lines: list[str]) -> Iterator[str]:
    """Give the script's commands one by one; each knows the variables, of which the release's name is the same."""
    head, release = lines[1].rpartition(" id=")[0], f"id=r{time.time_ns()}"
    for line in lines[2:]:
        yield f"set -e; {head} {release}; cd $app; {line}"


@contextmanager
def prepared(lab: Lab, number: int, ways: list[str]) -> Iterator[list[Host]]:
    """Give hosts with a unit and a folder for each way; only one of the units runs at a time."""
    with lab.hosts(number) as hosts:
        for host in hosts:
            # Else the user's own systemd ends some seconds after a logout, and the next way pays for its start.
            host.run("loginctl enable-linger deploy")
            for way in ways:
                host.run(f"install -d -o deploy -g deploy /srv/{way}")
                host.install_unit(f"{way}.service", UNIT.replace("APP", way))
                host.allow_systemctl(f"{way}.service")
        yield hosts


def measure(ways: dict[str, Way], versions: Iterator[str], hosts: list[Host], names: list[str], runs: int) -> None:
    """Time every way in turn, and print medians and ratios to the first."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(runs + 1):
        for name, way in ways.items():
            for host in hosts:
                others = " ".join(f"{each}.service" for each in ways if each != name)
                host.run(f"systemctl stop {others}")
            version = next(versions)
            started = time.perf_counter()
            way(version, names)
            if number:  # The first one clones.
                taken[name].append(time.perf_counter() - started)
    first = statistics.median(next(iter(taken.values())))
    for name, times in taken.items():
        median = statistics.median(times)
        print(f"  {name:10} {median:6.2f} s   {median / first:5.2f} times raw ssh", flush=True)


def main() -> None:
    """Measure on one host and on several, near and far."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    many = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    with open_lab() as lab, tempfile.TemporaryDirectory() as folder:
        repository = lab.git.create("bench")
        count = itertools.count(1)

        def new_versions() -> Iterator[str]:
            for number in count:
                repository.commit(f"v{number}")
                yield f"v{number}"

        ways = Ways(lab, Path(folder), repository)
        known: dict[str, Way] = {"raw": ways.raw, "fraisier": ways.fraisier}
        if shutil.which("pyinfra"):
            known["pyinfra"] = ways.pyinfra
        if shutil.which("cap"):
            known["capistrano"] = ways.capistrano
        for number in (1, many):
            with prepared(lab, number, list(known)) as hosts:
                print(f"{number} host{'s' if number > 1 else ''}, here", flush=True)
                measure(known, new_versions(), hosts, [host.name for host in hosts], runs)
                with ExitStack() as stack:
                    for host in hosts:
                        stack.enter_context(lab.relay(host, DELAY))
                    print(f"{number} host{'s' if number > 1 else ''}, 100 ms away", flush=True)
                    measure(known, new_versions(), hosts, [host.relayed_name for host in hosts], runs)


if __name__ == "__main__":
    main()
