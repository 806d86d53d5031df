"""fraisier's embedded provider: puts a service from a git repository in service on this machine."""
