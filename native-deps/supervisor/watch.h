/* Waits for the end of a daemon, and brings it about when it hangs. */
#ifndef VAULTFS_WATCH_H
#define VAULTFS_WATCH_H

#include <sys/types.h>

/* For so long, in which it could have turned, a main thread may not turn: no work of it takes a tenth of that. */
#define PATIENCE_MS 700
/* Where a disk, a debugger or other threads may have kept it. */
#define LONG_PATIENCE_MS 10000

enum ending {
  UNMOUNTED, /* it said so */
  DIED,
  HUNG,  /* it was killed, and is dead */
  STUCK, /* it was killed, and can't die: it waits for a disk that does not answer */
};

/* Who is told of a doubt that may come to nothing, at most once in DOUBT_REST_MS, and of its end. */
struct doubter {
  void *about;
  void (*begins)(void *about);
  void (*ends)(void *about);
};

struct watched {
  int pipe_fd; /* '.': it unmounted by itself; anything else: its main thread turns; the end: it is dead */
  pid_t pid;
  int patience_ms;
  /* Whoever stops a daemon that has no heir (Ctrl-Z) goes on with it later. */
  int may_be_stopped;
  struct doubter doubter;
};

enum ending watch(const struct watched *watched);

/* Until a stuck one is dead at last. */
void await_death(int pipe_fd);

#endif
