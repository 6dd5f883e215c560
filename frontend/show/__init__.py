"""Models for people to read: `summary()` as a table."""
