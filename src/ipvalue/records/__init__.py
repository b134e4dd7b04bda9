"""What is known: the tables, the book that validates them, and the snapshot of one date."""
