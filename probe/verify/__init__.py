"""Whether a server is as somebody demands: policies, earlier results, and changes that are only planned."""
