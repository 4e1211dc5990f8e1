"""What holds for every test."""

from hypothesis import settings

# A property is no clock: on a busy machine an example may take any time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
