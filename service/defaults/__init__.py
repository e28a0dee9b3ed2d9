"""Defaults as people see and set them, one by one or as a file; and what another default would have come to."""
