"""Real hosts for tests: systemd, sshd and git in containers, a way to disturb each, and nothing left behind.

A test asks for the fixture `lab` or `host` (`fixtures.py`); where no lab can be had, it is skipped, and told why:

    def test_a_deploy_survives_a_reboot(lab, host):
        host.install_unit("my_api.service", UNIT)
        host.allow_systemctl("my_api.service")
        repository = lab.git.create("my_api")
        repository.commit("v1", {"service.py": SERVICE})
        ...  # deploy to 127.0.0.1, host.ssh_port, with host.key_path and host.known_hosts
        faults.reboot(host)
        with lab.relay(host, delay=0.05) as relay:
            ...  # deploy through relay.port, 100 ms away
            relay.cut()
        assert host.sshd_log().logins == 1

Or for `engine`, `registry` and `services`, to deploy Compose projects:

    def test_a_deploy_survives_a_restart_of_the_engine(engine, registry, services):
        registry.push("my_api", "v1", services.web("v1"))
        ...  # deploy registry.repository("my_api") with `engine.environment`, or to `compose_host.url`
        engine.restart(hard=True)
        with registry.stopped():
            ...

The engine of the hosts belongs to all processes that use the lab at one time, such as the workers of xdist; the
hosts, the network and the keys to one of them, and so do the engines of Compose projects. Who is alive is told by
locks alone (`folder.py`), which the kernel frees however a process ends, and the guard (`guard.py`) cleans up
after the dead.
"""
