"""Hard against soft against none: what trained runs have in common is compared, and the rest is left out by name."""
