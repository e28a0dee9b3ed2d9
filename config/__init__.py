"""Reads the environment; imports nothing of the other packages."""
