/* Starts the daemon that follows one that is lost. */
#ifndef VAULTFS_HEIR_H
#define VAULTFS_HEIR_H

#include <stdint.h>
#include <sys/types.h>

#define REQUEST_MAX_BYTES 65536 /* what a pipe takes without a reader */
/* Descriptors of this process: the kernel's connection, and the memory of what was written and not logged yet. */
#define CONNECTION_FD 3
#define MEMORY_FD 4

/* What an heir has to be told, the vault's key among it. */
struct request {
  uint8_t *bytes; /* locked, in no core and no child */
  uint32_t length;
};

/* From a pipe: four bytes of length, then so many bytes. */
int read_request(struct request *request, int fd);

struct heir {
  pid_t pid;     /* 0: there is none */
  int pipe_fd;   /* its heartbeats come from there */
  int told_fd;   /* where it waits for its request */
  int answer_fd; /* where it says that it serves */
};

struct start {
  const char *output; /* what it says is appended there */
  char **program;     /* with its arguments, and two free places for these: */
  const char *how;    /* "resume": it goes on with the connection; "remount": it mounts anew */
  const char *why;    /* what became of the one before: "died", "hung" */
  const char *oom_score; /* as it was before this process changed its own; may be empty */
};

/* A process that loads its program, and then waits for its request; until then it touches nothing. Whether there is one. */
int begin_heir(const struct start *start, struct heir *heir);

/* Whether it serves the mount. If not, it is dead; unless it is stuck, then `pid` is not 0. */
int tell_heir(const struct request *request, struct heir *heir);

/* It is not needed. */
void dismiss_heir(struct heir *heir);

#endif
