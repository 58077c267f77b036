"""What to ask next, and what the answers add up to. Pure: no sockets, no clock, no randomness of its own."""
