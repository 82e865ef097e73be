"""The shell of every page of ours: its language, form token and cookie, and what it may do."""
