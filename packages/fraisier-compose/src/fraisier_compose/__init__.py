"""fraisier's provider for Docker Compose.

`hooks.py` is where to begin reading; `deployment.py` tells in which order things happen.
"""
