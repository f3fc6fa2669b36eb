"""Who they are: one file an agent."""
