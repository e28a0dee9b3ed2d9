"""Checks the books: the hand-written version decides as the service does, and nothing acknowledged is lost."""
