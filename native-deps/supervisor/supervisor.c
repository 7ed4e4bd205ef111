/*
 * vaultfs-supervisor MOUNTPOINT MAJOR:MINOR [OUTPUT PROGRAM ARGUMENT...], with a pipe from the daemon as standard input.
 *
 * A daemon that dies leaves a mount that answers "Transport endpoint is not connected" to everybody. This process holds
 * the other end of a pipe: '.' means that the daemon unmounted by itself, 'h' that its main thread still turns; an end
 * without '.', or none of them for WEDGED_MS, means that it is lost. It reads no file of the mount.
 *
 * With a PROGRAM it also holds the kernel's connection (descriptor 3) and the memory of what was written and not logged
 * yet (4), and has read from the pipe, first of all, what an heir has to be told: four bytes of length, then so many
 * bytes, the vault's key among them, kept in locked memory. It starts PROGRAM, whose output is appended to OUTPUT, with
 * the request as descriptor 3, the pipe for its answer as 4, the connection as 5, the memory as 6, the pipe to this
 * process as 7. Meanwhile the kernel keeps the mount's requests. Without one, or when heirs die too, or one does not
 * answer, the mount is detached, if it is still that very one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 16384
#define REQUEST_MAX_BYTES 65536 /* what a pipe takes without a reader */
#define CONNECTION_FD 3
#define MEMORY_FD 4
/* A main thread under the heaviest load turns within a second or two; this is no load any more. */
#define WEDGED_MS 10000
/* Of a store with a million entries and a full log. */
#define HEIR_READY_MS 60000
/* So many heirs in a row that lived for less than SHORT_LIFE_S. */
#define HEIRS_MAX 3
#define SHORT_LIFE_S 60

struct request {
  uint8_t *bytes; /* locked, in no core and no child */
  uint32_t length;
};

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

static int read_all(int fd, void *into, size_t length) {
  for (size_t got = 0; got < length;) {
    ssize_t more = read(fd, (uint8_t *)into + got, length - got);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return 0;
    got += (size_t)more;
  }
  return 1;
}

static int read_request(struct request *request) {
  if (!read_all(STDIN_FILENO, &request->length, sizeof(request->length)) || request->length > REQUEST_MAX_BYTES) return 0;
  request->bytes = mmap(NULL, REQUEST_MAX_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (request->bytes == MAP_FAILED) return 0;
  mlock(request->bytes, REQUEST_MAX_BYTES);
  madvise(request->bytes, REQUEST_MAX_BYTES, MADV_DONTDUMP);
  madvise(request->bytes, REQUEST_MAX_BYTES, MADV_WIPEONFORK);
  return read_all(STDIN_FILENO, request->bytes, request->length);
}

/* 1: the daemon said it is done; 0: it died, or was killed because it hung. `beats`: it says that it lives. */
static int wait_for_the_daemon(int pipe_fd, pid_t daemon, int beats) {
  char bytes[64];
  int halves = 0;
  for (;;) {
    struct pollfd waiting = {.fd = pipe_fd, .events = POLLIN};
    int ready = poll(&waiting, 1, beats ? WEDGED_MS / 2 : -1);
    if (ready == 0) {
      /* In halves: where the whole machine stood still, one wait is over at once, and the daemon is well. */
      if (++halves < 2) continue;
      kill(daemon, SIGKILL);
      beats = 0;
      continue;
    }
    if (ready < 0) continue;
    halves = 0;
    ssize_t length = read(pipe_fd, bytes, sizeof(bytes));
    if (length > 0 && memchr(bytes, '.', (size_t)length) != NULL) return 1;
    if (length == 0 || (length < 0 && errno != EINTR)) return 0;
  }
}

/* In place: \040 and the like are how mountinfo writes blanks. */
static void unescape(char *text) {
  char *to = text;
  for (char *from = text; *from != '\0';) {
    if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
      *to++ = (char)(((from[1] - '0') << 6) | ((from[2] - '0') << 3) | (from[3] - '0'));
      from += 4;
    } else {
      *to++ = *from++;
    }
  }
  *to = '\0';
}

/* Whether what is topmost at the mount point is our device. Lines: id parent major:minor root mount-point ... */
static int is_still_there(const char *mount_point, const char *device) {
  FILE *table = fopen("/proc/self/mountinfo", "re");
  if (table == NULL) return 0;
  static char line[LINE_MAX_BYTES];
  int ours = 0;
  while (fgets(line, sizeof(line), table) != NULL) {
    char *rest = line;
    char *fields[5] = {0};
    for (int at = 0; at < 5; at++) fields[at] = strsep(&rest, " ");
    if (fields[4] == NULL) continue;
    unescape(fields[4]);
    if (strcmp(fields[4], mount_point) == 0) ours = strcmp(fields[2], device) == 0;
  }
  fclose(table);
  return ours;
}

static void detach(const char *mount_point) {
  if (umount2(mount_point, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return;
  static const char *const programs[] = {"/usr/bin/fusermount3", "/bin/fusermount3", "/usr/local/bin/fusermount3",
                                         "/run/wrappers/bin/fusermount3", "/usr/bin/fusermount", "/bin/fusermount"};
  char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
  for (size_t at = 0; at < sizeof(programs) / sizeof(programs[0]); at++) {
    char *const arguments[] = {(char *)programs[at], "-u", "-z", "--", (char *)mount_point, NULL};
    execve(programs[at], arguments, environment);
  }
}

static void put(int from, int to) {
  if (dup2(from, to) < 0) _exit(127);
}

/* In the child. All of `fds` are above 15, so that none is in another's place. */
static void become_heir(const int fds[3], const char *output, char **program) {
  int nothing = open("/dev/null", O_RDWR);
  int log = open(output, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
  int connection = fcntl(CONNECTION_FD, F_DUPFD, 16), memory = fcntl(MEMORY_FD, F_DUPFD, 16);
  if (nothing < 0 || connection < 0 || memory < 0) _exit(127);
  put(nothing, 0);
  put(log < 0 ? nothing : log, 1);
  put(log < 0 ? nothing : log, 2);
  put(fds[0], 3);
  put(fds[1], 4);
  put(connection, 5);
  put(memory, 6);
  put(fds[2], 7);
#ifdef SYS_close_range
  syscall(SYS_close_range, 8, ~0U, 0);
#endif
  for (int signal_number = 1; signal_number < 32; signal_number++) signal(signal_number, SIG_DFL);
  execv(program[0], program);
  _exit(127);
}

static int upwards(int fd) {
  int higher = fcntl(fd, F_DUPFD_CLOEXEC, 16);
  close(fd);
  return higher;
}

/* Whether the heir says that it serves the mount. */
static int hears_ready(int answer_fd) {
  char text[512];
  size_t length = 0;
  while (length < sizeof(text)) {
    struct pollfd waiting = {.fd = answer_fd, .events = POLLIN};
    if (poll(&waiting, 1, HEIR_READY_MS) <= 0) return 0;
    ssize_t more = read(answer_fd, text + length, sizeof(text) - length);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return 0;
    length += (size_t)more;
    if (memchr(text, '\n', length) != NULL) break;
  }
  static const char expected[] = "{\"ready\"";
  return length >= sizeof(expected) - 1 && memcmp(text, expected, sizeof(expected) - 1) == 0;
}

/* Its pid, and the end of its pipe in `pipe_fd`; 0 when none could be started or it does not serve. */
static pid_t start_heir(const struct request *request, const char *output, char **program, int *pipe_fd) {
  int told[2], answer[2], life[2];
  if (pipe2(told, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0 || pipe2(life, O_CLOEXEC) < 0) return 0;
  int theirs[3] = {upwards(told[0]), upwards(answer[1]), upwards(life[1])};
  /* A heartbeat that finds the pipe full is one too many. */
  fcntl(theirs[2], F_SETFL, O_NONBLOCK);
  pid_t heir = fork();
  if (heir == 0) become_heir(theirs, output, program);
  for (int at = 0; at < 3; at++) close(theirs[at]);
  int complete = heir > 0 && write(told[1], request->bytes, request->length) == (ssize_t)request->length;
  close(told[1]);
  int ready = complete && hears_ready(answer[0]);
  close(answer[0]);
  *pipe_fd = life[0];
  if (ready) return heir;
  close(life[0]);
  if (heir > 0) {
    kill(heir, SIGKILL);
    waitpid(heir, NULL, 0);
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count != 3 && count < 5) {
    fprintf(stderr, "usage: vaultfs-supervisor MOUNTPOINT MAJOR:MINOR [OUTPUT PROGRAM ARGUMENT...]\n");
    return 2;
  }
  pid_t daemon = getppid();
  int has_heirs = count >= 5;
  leave_the_daemons_session(has_heirs ? MEMORY_FD + 1 : CONNECTION_FD);
  keep_secrets();
  struct request request = {0};
  if (has_heirs && !read_request(&request)) has_heirs = 0;
  int pipe_fd = STDIN_FILENO, short_lives = 0;
  for (time_t began = time(NULL);; began = time(NULL)) {
    if (wait_for_the_daemon(pipe_fd, daemon, has_heirs)) return 0;
    if (pipe_fd != STDIN_FILENO) {
      waitpid(daemon, NULL, 0);
      close(pipe_fd);
    }
    if (!is_still_there(arguments[1], arguments[2])) return 0;
    short_lives = time(NULL) - began < SHORT_LIFE_S ? short_lives + 1 : 1;
    daemon = has_heirs && short_lives <= HEIRS_MAX ? start_heir(&request, arguments[3], &arguments[4], &pipe_fd) : 0;
    if (daemon == 0) break;
  }
  detach(arguments[1]);
  return 0;
}
