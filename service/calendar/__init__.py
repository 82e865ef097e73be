"""Days, weeks and cut-offs: when a figure's period begins, ends and becomes due."""
