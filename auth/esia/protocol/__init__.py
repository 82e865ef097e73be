"""What systems and the stand-in say to each other: requests, signatures, tokens, errors."""
