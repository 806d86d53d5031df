"""What a person sees: one file for each command or small family, one for display, one error boundary."""
