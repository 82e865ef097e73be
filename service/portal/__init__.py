"""What Moodle really has: looks and drifts, exclusions, adopting accounts that others made."""
