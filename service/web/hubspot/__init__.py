"""Paths, bodies, answers and errors as HubSpot has them."""
