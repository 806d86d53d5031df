"""Ctrl-C, where more is at work than one deployment on one host."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from fraisier import HealthCheck
from fraisier_bare_metal.ssh.proxy import Proxy
from lab.host import Host
from lab.lab import Lab

from .site import Site, eventually
from .ssh_setup import configure


def test_whoever_waits_for_the_health_of_a_batch_ends_at_ctrl_c(
    make_site: Callable[..., Site], lab: Lab, shared_host: Host
) -> None:
    with lab.hosts(2) as others:
        site = make_site(shared_host, *others)
        site.deploy("v1")
        # The new version never is, and would be waited for longer than this test waits.
        site.health_check = HealthCheck(url=site.health_url, expect_body="v1", timeout=300)
        site.options["batch"] = 2
        with site.running("deploy", "FRAISE", "ENV", "--version", "v2") as process:
            for host in site.hosts[:2]:
                assert site.serves("v2", host)
            ended = f"test ! -e {site.app_path}/.fraisier/pending"
            eventually(lambda: all(host.succeeds(ended) for host in site.hosts[:2]))
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=60)
        assert process.returncode == 130, said
        assert "is back in service" in said
        assert [site.answer("/", host).split()[0] for host in site.hosts] == ["v1"] * 3


def test_a_login_that_hangs_is_ended_by_one_ctrl_c(site: Site, home: Path) -> None:
    with ExitStack() as stack:
        silent = {name: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for name in ("one", "two")}
        ports = {name: server.getsockname()[1] for name, server in silent.items()}
        configure(home, "".join(f"Host {name}\n  HostName 127.0.0.1\n  Port {ports[name]}\n" for name in silent))
        del site.options["ssh_host"]
        site.options |= {"ssh_hosts": list(silent), "deadlines": {"connect": 300}}
        with site.running("status", "FRAISE", "ENV") as process:
            for server in silent.values():
                server.settimeout(30)
                stack.enter_context(server.accept()[0])
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=20)
    assert process.returncode == 130, said


def test_a_command_that_leads_to_a_host_does_not_hear_of_ctrl_c() -> None:
    proxy = Proxy("echo $$; exec cat")
    with proxy.open() as connection:
        os.kill(int(connection.recv(100)), signal.SIGINT)
        connection.sendall(b"still there")
        assert connection.recv(100) == b"still there"
    proxy.close()
    proxy.forget()
