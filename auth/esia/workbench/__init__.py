"""For developers of systems: recorder, explained refusals, signature search, faults."""
