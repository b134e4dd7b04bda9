"""From bytes to rows and documents: archives, encodings, tables, JSON, XML and spreadsheets, in bounded memory."""
