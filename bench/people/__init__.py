"""The judge of who is who: a living city with known truth goes through the whole service.

``python -m bench.people`` loads what the schools of ``service.sample.life`` export, month by month,
answers what is asked as the truth says, and counts in Moodle and in our tables what went wrong. It
knows nothing of how rows are matched to people.
"""
