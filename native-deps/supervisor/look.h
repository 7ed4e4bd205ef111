/* A look at a daemon that was not heard of for a while: whether it hangs, or only waits for its turn. */
#ifndef VAULTFS_LOOK_H
#define VAULTFS_LOOK_H

#include <stdint.h>
#include <sys/types.h>

/* What the kernel says of a process at one moment. */
struct look {
  int known;            /* 0: /proc says nothing to us (hidepid) */
  char state;           /* of its main thread, as in ps */
  int64_t main_cpu_ms;  /* what that has used of a processor */
  int64_t cpu_ms;       /* all threads, in steps of 10 */
  int others_at_work;   /* another thread runs, could run, or waits for a disk */
  int traced;
};

struct look look_at(pid_t pid);

/* Time in which the main thread could have turned and did not, milliseconds. */
struct doubt {
  int64_t sure;     /* it ran, or slept although nobody in the process did anything, or was stopped */
  int64_t possible; /* also: a disk, a debugger, other threads kept it */
};

/* `passed_ms`: since `before`; `expected_ms`: what we had asked for. We were late ourselves: the machine is. */
void weigh(struct doubt *doubt, const struct look *before, const struct look *now, int64_t passed_ms, int64_t expected_ms);

#endif
