"""What tests of every package may ask for: hosts, engines and registries of the lab."""

import os

pytest_plugins = ["lab.fixtures"]

# The programs that tests start find what Python has compiled before, as on anybody's machine. Where an environment
# forbids to keep that, each start of `fraisier` costs twice the time, and tests start it often.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
