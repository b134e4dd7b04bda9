"""Public data formats to a book: one file a format, one function ``read_<format>(...) -> Book`` in it.

A reader keeps three promises. It holds a piece of its input in memory at a time, never the file. What
it can't read it sets aside in ``book.rejects`` beside the rows that the book itself refuses; only a path that
is not of the format at all raises ``SourceError``. And its docstring maps every column that it fills to the
place where the format says it, with each assumption; what the format does not say stays empty.

Documents are named alike by all readers, without the kind code (:mod:`ipvalue.sources.reading.identifiers`), so that
the citations of one source join the patents of another.
"""
