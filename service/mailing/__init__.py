"""Mail to operators: their part of the weekly figures, and reminders. Figures only, no names.

``rounds`` decides what is due, ``letters`` writes it, ``outbox`` keeps it until ``smtp`` sent it.
"""
