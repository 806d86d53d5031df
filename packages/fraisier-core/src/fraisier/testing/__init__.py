"""What a provider author inherits: the contract kit, as a pytest plugin, and fakes."""
