"""Every row, in the order of the table."""
from row import Row
from rows import consumer, counts, http, memory, peers, store

ROWS: tuple[Row, ...] = (*http.ROWS, *memory.ROWS, *consumer.ROWS, *store.ROWS, *counts.ROWS, *peers.ROWS)
