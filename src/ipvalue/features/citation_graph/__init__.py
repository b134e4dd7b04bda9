"""The citation graph of a book: map by shard, reduce by key range, measures."""
