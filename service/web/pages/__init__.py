"""The two pages that visitors see: of thanks, and of refusal."""
