"""The ЕСИА stand-in: the state provider's own dialect, beside the standard one."""
