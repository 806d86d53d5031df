"""What a provider sees of fraisier: hookspecs, the models that cross the border, the errors.

Nothing here imports the engine or the CLI. Providers import these names from `fraisier` itself.
"""
