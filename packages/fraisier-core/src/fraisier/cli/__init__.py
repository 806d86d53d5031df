"""What a person sees: one file for each command or small family, one for display, one error boundary."""

import gc

# Importing makes objects that stay; to look through them for garbage again and again takes a sixth of the start.
gc.set_threshold(50_000)
