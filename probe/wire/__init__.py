"""Bytes to messages and back, and nothing else: no I/O, no clock, no randomness, no policy."""
