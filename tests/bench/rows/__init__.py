"""Every row, in the order of the table."""
from row import Row
from rows import consumer, counts, day, http, memory, peers, sizes, store

ROWS: tuple[Row, ...] = (*http.ROWS, *memory.ROWS, *consumer.ROWS, *store.ROWS, *day.ROWS, *counts.ROWS, *sizes.ROWS, *peers.ROWS)
