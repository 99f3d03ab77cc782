typedef int ingest_placeholder;
