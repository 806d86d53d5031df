# Only what systemd knows of the unit.
systemctl_show
