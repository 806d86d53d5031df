"""What tests of every package may ask for: hosts of the lab."""

pytest_plugins = ["lab.fixtures"]
