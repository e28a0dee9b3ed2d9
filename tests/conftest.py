"""What all tests share."""

from hypothesis import settings

pytest_plugins = ["tests.distribution", "tests.services.plugin"]

# How long an example takes says more of the machine than of the code.
settings.register_profile("marketable", deadline=None)
settings.load_profile("marketable")
