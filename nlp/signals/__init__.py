"""Signal families: pure functions of observations."""
