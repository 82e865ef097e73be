"""XML in, changes in Moodle out: a library with no Flask, no database and no queue."""
