"""Finding, loading and calling the one provider that a target names."""
