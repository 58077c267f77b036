"""Results for readers: terminal, files, other programs. Everything a server sent is escaped here."""
