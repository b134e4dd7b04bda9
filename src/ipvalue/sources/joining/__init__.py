"""From the rows and documents of a source to the tables of a book: one row for each patent, one book of several."""
