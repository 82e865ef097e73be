"""People as operators and the sign-in see them: directory, passwords, slips, class teachers."""
