"""The sign-in of this installation: its provider, applications, systems, links and phases."""
