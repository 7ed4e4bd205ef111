#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "haste.h"
#include "look.h"

/* It is heard four times a second (supervisor.ts); from here on it is looked at. */
#define QUIET_MS 400
#define LOOK_MS 100
/* After so much of the patience there is something to prepare. */
#define DOUBT_SHARE 3
#define DOUBT_REST_MS 60000
/* A killed process may wait for a disk. After so long, whoever waits for the mount is told that nothing comes. */
#define DEATH_MS 60000

/* Stands still while the machine sleeps. */
static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

enum word { NOTHING, BEAT, GOODBYE, END };

static enum word hear(int pipe_fd, int timeout_ms) {
  char bytes[64];
  struct pollfd waiting = {.fd = pipe_fd, .events = POLLIN};
  int ready = poll(&waiting, 1, timeout_ms);
  if (ready <= 0) return NOTHING;
  ssize_t length = read(pipe_fd, bytes, sizeof(bytes));
  if (length < 0) return errno == EINTR ? NOTHING : END;
  if (length == 0) return END;
  return memchr(bytes, '.', (size_t)length) != NULL ? GOODBYE : BEAT;
}

/* NOTHING: it hangs. Else what was heard of it. `quiet_until`: before that nobody is told. */
static enum word doubt_it(const struct watched *watched, int64_t *quiet_until) {
  const struct doubter *doubter = &watched->doubter;
  int told = 0;
  struct doubt doubt = {0};
  struct look before = look_at(watched->pid);
  for (int64_t then = now_ms();;) {
    enum word word = hear(watched->pipe_fd, LOOK_MS);
    if (word != NOTHING) {
      if (told && word == BEAT) doubter->ends(doubter->about);
      return word;
    }
    struct look look = look_at(watched->pid);
    int64_t now = now_ms();
    if (look.state != 'T' || !watched->may_be_stopped) weigh(&doubt, &before, &look, now - then, LOOK_MS);
    if (doubt.sure >= watched->patience_ms / DOUBT_SHARE && doubter->begins != NULL && !told && now >= *quiet_until) {
      doubter->begins(doubter->about);
      told = 1;
      *quiet_until = now + DOUBT_REST_MS;
    }
    if (doubt.sure >= watched->patience_ms || doubt.possible >= LONG_PATIENCE_MS) return NOTHING;
    before = look;
    then = now;
  }
}

static enum ending kill_it(const struct watched *watched) {
  /* Dying takes a processor, too. */
  hurry(watched->pid);
  kill(watched->pid, SIGKILL);
  for (int64_t until = now_ms() + DEATH_MS; now_ms() < until;) {
    enum word word = hear(watched->pipe_fd, LOOK_MS);
    if (word == GOODBYE) return UNMOUNTED;
    if (word == END) return HUNG;
  }
  return STUCK;
}

enum ending watch(const struct watched *watched) {
  int64_t quiet_until = 0;
  for (;;) {
    enum word word = hear(watched->pipe_fd, QUIET_MS);
    if (word == NOTHING) word = doubt_it(watched, &quiet_until);
    if (word == NOTHING) return kill_it(watched);
    if (word == GOODBYE) return UNMOUNTED;
    if (word == END) return DIED;
  }
}

void await_death(int pipe_fd) {
  while (hear(pipe_fd, -1) != END) continue;
}
