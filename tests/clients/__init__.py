"""Tests of the clients' profiles, and of what a result says of them."""
