"""Patent books with a known true value: worlds to test methods in."""
