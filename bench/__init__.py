"""Figures, each beside a reference measured in the same run: ``python -m bench`` prints them.

Seconds depend on the machine and are never asserted. The ratio to the reference says how much of
the time is ours: both sides do the same work on the same data, in turns, and medians are compared.
"""
