"""Pages that people see: signing in, choosing a password, the class of a class teacher."""
