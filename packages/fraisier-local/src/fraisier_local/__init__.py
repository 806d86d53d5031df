"""The embedded provider of fraisier: puts a service from a git repository in service on this machine.

`hooks.py` is where to begin reading. Everything here imports `fraisier` itself and nothing below it.
"""
