"""From bytes to rows and documents in bounded memory: archives, encodings, tables, JSON, XML and workbooks."""
