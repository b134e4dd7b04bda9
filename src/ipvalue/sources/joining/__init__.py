"""From the rows and documents of a source to the tables of a book: one row a patent, one book of several."""
