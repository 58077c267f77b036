"""State machines: bytes and times in, bytes and events out. No socket, no clock, no randomness of their own."""
