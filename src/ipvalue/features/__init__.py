"""What a patent looks like: families of features computed from a snapshot."""
