/* Gives memory back to the system after bursts, which the C library by itself does late or never.
 */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

/*
 * Sets when the C library gives memory back: large pieces at once, and what is free at the end of a
 * heap. Call once, before there are threads.
 */
void memory_start(void);

/*
 * Gives back all whole pages that are free, in the heaps of all threads. Takes about a millisecond,
 * during which others may wait for memory: for after a burst, not for every day. Any thread.
 */
void memory_trim(void);

#endif
