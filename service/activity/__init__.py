"""Who was active when: roll-ups of sign-ins and of activity in Moodle (docs/activity.md).

Reports ask ``figures``; everything else here makes sure that it answers truly and at once.
"""
