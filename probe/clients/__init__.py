"""The clients that people use: what each asks for and can do, as a table with sources."""
