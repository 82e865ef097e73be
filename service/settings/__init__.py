"""Settings of the running application, a class for each section of the file."""
