"""Reference data that people bring: the registry of schools, other platforms' weeks, regional
totals, milestones of the transition (docs/registry.md).

Reports read all of it through ``service.registry.lookup`` alone. Files come in through
``imports``: read by ``tables`` and ``columns``, shown as a preview, applied after a person's yes.
"""
