"""The citation graph of a book: shards map citations to key ranges, ranges are reduced, measures follow."""
