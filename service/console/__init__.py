"""Pages for portal administrators and monitoring officers, and the health checks."""
