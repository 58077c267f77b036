"""The only folder that touches sockets, files and captures."""
