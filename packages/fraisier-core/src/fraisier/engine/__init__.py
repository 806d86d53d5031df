"""What the tool does: configuration, provider loading, state and locks, and the operations in plain order."""
