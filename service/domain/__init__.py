"""The rules, as pure functions over frozen values; standard library only, and time is an argument."""
