"""What Moodle really has: looks and their drifts, exclusions, adopting accounts that others made."""
