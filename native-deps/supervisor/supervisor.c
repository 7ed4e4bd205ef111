/*
 * vaultfs-supervisor MOUNTPOINT MAJOR:MINOR detach|resume|remount PATIENCE_MS [OUTPUT PROGRAM ARGUMENT...], with a pipe
 * from the daemon as standard input.
 *
 * A daemon that dies leaves a mount that answers "Transport endpoint is not connected" to everybody; one that hangs, a
 * mount in which everybody hangs. This process holds the other end of a pipe: '.' means that the daemon unmounted by
 * itself, 'h' that its main thread turns. One that hangs (watch.h) is killed. It reads no file of the mount.
 *
 * With a PROGRAM it also holds the memory of what was written and not logged yet (descriptor 4), and has read from the
 * pipe, first of all, what an heir has to be told, in locked memory. It starts PROGRAM, whose output is appended to
 * OUTPUT, with the request as descriptor 3, the pipe for its answer as 4, the connection as 5, the memory as 6, the pipe
 * to this process as 7, and two more arguments: how, and why.
 *   resume: it holds the kernel's connection (3) too; the heir goes on with it, and nobody notices.
 *   remount: nobody holds it, so that it ended with its daemon, and whoever waited got an error; the mount is detached,
 *   and the heir mounts anew, with what was in memory.
 * Without a PROGRAM, or when heirs die one after another, the mount is detached, if it is still that very one.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "heir.h"
#include "place.h"
#include "watch.h"

/* So many heirs in a row that lived for less than SHORT_LIFE_S. */
#define HEIRS_MAX 3
#define SHORT_LIFE_S 60
#define ARGUMENTS_MAX 64

static void leave_the_daemons_session(int first_closed) {
  setsid();
  int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP};
  for (size_t at = 0; at < sizeof(ignored) / sizeof(ignored[0]); at++) signal(ignored[at], SIG_IGN);
  if (chdir("/") < 0) exit(1);
  /* Whatever else was inherited must not be kept alive by us. */
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first_closed, ~0U, 0) == 0) return;
#endif
  for (int fd = first_closed; fd < 65536; fd++) close(fd);
}

static void keep_secrets(void) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

/* Where memory runs out the daemon goes, not who brings another; only root may ask for that. `before`: as it was. */
static void outlive_the_daemon(char before[16]) {
  int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t length = read(fd, before, 15);
  before[length > 0 ? length : 0] = '\0';
  if (lseek(fd, 0, SEEK_SET) == 0) length = write(fd, "-1000", 5);
  close(fd);
}

static time_t seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

struct life {
  const char *mount_point;
  char device[DEVICE_MAX];
  struct start start;
  struct request request;
  struct heir daemon;
  struct heir next; /* begun when the daemon came into doubt */
  int has_heirs;
  int short_lives;
  int first_patience_ms;
  int patience_ms;
};

static int is_ours(const struct life *life) {
  return is_still_there(life->mount_point, life->device);
}

static void take_away(const struct life *life) {
  if (is_ours(life)) detach(life->mount_point);
}

/* A program takes a while to load, whether it is needed or not. */
static void prepare(void *about) {
  struct life *life = about;
  life->start.why = "hung";
  begin_heir(&life->start, &life->next);
}

static void dismiss(void *about) {
  struct life *life = about;
  if (life->next.pid != 0) dismiss_heir(&life->next);
}

static int serves(struct life *life) {
  if (life->next.pid == 0 && !begin_heir(&life->start, &life->next)) return 0;
  life->daemon = life->next;
  life->next.pid = 0;
  return tell_heir(&life->request, &life->daemon);
}

/* What an heir mounted that ended before it served. `before`: what lay there, if anything. */
static void sweep(const struct life *life, const char *before) {
  char now[DEVICE_MAX];
  if (device_at(life->mount_point, now) && strcmp(now, before) != 0) detach(life->mount_point);
}

/* The next one; 0 when none could be had. One that ends at once, perhaps for want of memory, is tried again. */
static int go_on(struct life *life, enum ending ending) {
  char beneath[DEVICE_MAX] = "";
  life->start.why = ending == DIED ? "died" : "hung";
  int remounts = strcmp(life->start.how, "remount") == 0;
  if (remounts) {
    take_away(life);
    device_at(life->mount_point, beneath);
  }
  for (time_t began = seconds(); life->short_lives <= HEIRS_MAX; life->short_lives++) {
    if (serves(life)) return !remounts || device_at(life->mount_point, life->device);
    if (remounts) sweep(life, beneath);
    if (life->daemon.pid != 0 || seconds() - began >= SHORT_LIFE_S) break;
  }
  return 0;
}

/* Nobody can end it, and whoever waits for it must not wait for ever. When it is dead after all, another one mounts. */
static void leave_it_alone(struct life *life) {
  dismiss(life);
  abort_connection(life->mount_point, life->device);
  take_away(life);
  close(CONNECTION_FD);
  life->start.how = "remount";
  await_death(life->daemon.pipe_fd);
}

static void let_go_of(const struct life *life) {
  if (life->daemon.pipe_fd == STDIN_FILENO) return;
  waitpid(life->daemon.pid, NULL, 0);
  close(life->daemon.pipe_fd);
}

/* One daemon after another. */
static void supervise(struct life *life) {
  for (;;) {
    time_t began = seconds();
    const struct watched watched = {
        .pipe_fd = life->daemon.pipe_fd, .pid = life->daemon.pid, .patience_ms = life->patience_ms, .may_be_stopped = !life->has_heirs,
        .doubter = {.about = life, .begins = life->has_heirs ? prepare : NULL, .ends = dismiss}};
    enum ending ending = watch(&watched);
    if (ending == UNMOUNTED) return dismiss(life);
    int unmounted = !is_ours(life);
    if (ending == STUCK && !unmounted) leave_it_alone(life);
    let_go_of(life);
    if (unmounted) return dismiss(life);
    int was_short = seconds() - began < SHORT_LIFE_S;
    life->short_lives = was_short ? life->short_lives + 1 : 1;
    /* One that is only slow is not killed again and again. */
    life->patience_ms = !was_short || ending == DIED ? life->first_patience_ms : life->patience_ms * 2;
    if (!life->has_heirs || !go_on(life, ending)) break;
  }
  dismiss(life);
  /* An heir that could not be ended may hold the connection still. */
  if (life->daemon.pid != 0 && is_ours(life)) abort_connection(life->mount_point, life->device);
  take_away(life);
}

int main(int count, char **arguments) {
  if ((count != 5 && count < 7) || count > ARGUMENTS_MAX) {
    fprintf(stderr, "usage: vaultfs-supervisor MOUNTPOINT MAJOR:MINOR detach|resume|remount PATIENCE_MS [OUTPUT PROGRAM ARGUMENT...]\n");
    return 2;
  }
  struct life life = {.mount_point = arguments[1], .has_heirs = count >= 7, .daemon = {.pid = getppid(), .pipe_fd = STDIN_FILENO}};
  leave_the_daemons_session(life.has_heirs ? MEMORY_FD + 1 : CONNECTION_FD);
  keep_secrets();
  static char oom_score[16];
  if (life.has_heirs) outlive_the_daemon(oom_score);
  if (life.has_heirs && !read_request(&life.request, STDIN_FILENO)) life.has_heirs = 0;
  snprintf(life.device, sizeof(life.device), "%s", arguments[2]);
  life.first_patience_ms = life.patience_ms = atoi(arguments[4]);
  static char *program[ARGUMENTS_MAX + 2];
  for (int at = 6; at < count; at++) program[at - 6] = arguments[at];
  life.start = (struct start){.output = life.has_heirs ? arguments[5] : "", .program = program, .how = arguments[3], .oom_score = oom_score};
  supervise(&life);
  return 0;
}
