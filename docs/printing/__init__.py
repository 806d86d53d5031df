"""What the pages of the documentation print about the code, for cog: `hatch run docs:write`."""
