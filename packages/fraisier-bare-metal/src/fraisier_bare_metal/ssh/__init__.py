"""Being logged in on a host: who we are, which way leads there, whom we trust, and what that carries."""
