"""Many targets: what they are, in which order, and how many at once."""
