"""What codes mean in the current language: a module for each subject."""
