"""What is remembered on this machine: the history of deployments and the locks, in one SQLite file."""
