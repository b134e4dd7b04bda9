"""Public data formats to a book, one file a format: ``read_<format>(path...) -> Book``."""
