/* `playreport-ingest journal`: what the journal's folder holds, as tables or as JSON lines. */
#ifndef INGEST_COMMAND_JOURNAL_H
#define INGEST_COMMAND_JOURNAL_H

/*
 * argv[0] is the command's own name. Reads only, also beside a daemon. Returns the exit code of the
 * process: 0, 1 when the folder cannot be read, 2 for bad usage. Main thread.
 */
int command_journal(int argc, char **argv, char **envp);

#endif
