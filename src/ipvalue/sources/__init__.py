"""Read public data formats as a book: one file for each format, with a function ``read_<format>(...) -> Book``.

A reader holds only a part of its input in memory at a time. Rows that it cannot read are in ``book.rejects``, together
with the rows that the book itself rejects. ``SourceError`` is raised only if a path is not of the format at all. The
reader's docstring says where each column comes from and what is assumed. What a format does not contain stays empty.

All readers name documents in the same way, without the kind code (:mod:`ipvalue.sources.reading.identifiers`), so that
the citations of one source join the patents of another.
"""
