"""fraisier's provider for applications and services of a Coolify v4 server.

`hooks.py` is where to begin reading; `api.py` is the one module that talks HTTP, `versions.py` the one table of
what differs between versions of Coolify.
"""
