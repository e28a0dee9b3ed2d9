"""What the API answers and commands print, as JSON values. It knows no framework, so that commands start quickly."""
