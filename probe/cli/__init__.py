"""The command line, one file a command, imported when that command runs."""
