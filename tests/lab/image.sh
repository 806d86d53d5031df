# Makes a bare Debian into the lab's host. Runs as root inside the new image, whichever way that was made.
set -eu

# The user that deploys, as the docs tell people to set it up; the sudo rules come with each unit.
useradd --create-home --shell /bin/bash --groups systemd-journal deploy
install --directory --owner deploy --group deploy --mode 700 /home/deploy/.ssh
install --directory /var/lib/systemd/linger
touch /var/lib/systemd/linger/deploy

# The user behind which repositories are, on the host that serves them.
useradd --home-dir /srv/git --shell /usr/bin/git-shell git
install --directory --owner git --group git --mode 755 /srv/git
install --directory --owner git --group git --mode 700 /srv/git/.ssh

# Each host gets a key of its own. VERBOSE logs every login and every command, which tests count.
rm -f /etc/ssh/ssh_host_*
cat > /etc/ssh/sshd_config.d/lab.conf <<'SETTINGS'
HostKey /etc/ssh/ssh_host_ed25519_key
LogLevel VERBOSE
SETTINGS

# A container has no consoles and no devices, and nothing here is to run by the clock.
for unit in getty.target console-getty.service systemd-udevd.service systemd-udev-trigger.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done

# Written at the first boot, so that no two hosts are the same machine.
: > /etc/machine-id
install --directory --group systemd-journal --mode 2755 /var/log/journal

rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /usr/share/man/* /usr/share/doc/* /usr/share/locale/*
