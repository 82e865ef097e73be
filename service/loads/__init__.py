"""The life of one upload: received, planned, approved, applied, and what each step keeps."""
