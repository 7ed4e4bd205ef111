/* While nobody serves the mount, everybody in it waits: who is to serve it goes first, where root may say so. */
#ifndef VAULTFS_HASTE_H
#define VAULTFS_HASTE_H

#include <sys/types.h>

/* All threads of a process, before others. */
void hurry(pid_t pid);

/* All its threads are as nice to others as this process again, and those that were nicer than it, still so. */
void end_hurry(pid_t pid);

#endif
