"""Loads by source with DuckDB, over the lines that `playreport-consumer tail` prints:

    playreport-consumer tail --kafka.bootstrap.servers=localhost:9092 --from=-1h > events.jsonl
    python3 loads_by_source.py events.jsonl

A record can repeat after a crash, with the same id: DISTINCT drops it."""
import sys

import duckdb

QUESTION = """
    SELECT coalesce(nullif(trim(source), ''), '(none)') AS source, count(DISTINCT id) AS loads
    FROM read_json(?, format = 'newline_delimited', columns = {id: 'VARCHAR', kind: 'VARCHAR', event: 'VARCHAR', source: 'VARCHAR'})
    WHERE kind = 'event' AND event = 'load'
    GROUP BY 1 ORDER BY loads DESC, source
"""

for source, loads in duckdb.execute(QUESTION, [sys.argv[1]]).fetchall():
    print(source, loads)
