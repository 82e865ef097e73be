"""Mail to operators: their part of the weekly figures, and reminders. Figures only, no names.

``rounds`` writes what is due, ``outbox`` keeps it until ``smtp`` sent it.
"""
