"""Security protocol facts as words a person can act on: diagnoses are functions of a stored result."""
