#include "heir.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "haste.h"

/* Of a store with a million entries and a full log. */
#define READY_MS 60000
#define DEATH_MS 10000
#define REAP_MS 20

static int read_all(int fd, void *into, size_t length) {
  for (size_t got = 0; got < length;) {
    ssize_t more = read(fd, (uint8_t *)into + got, length - got);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return 0;
    got += (size_t)more;
  }
  return 1;
}

int read_request(struct request *request, int fd) {
  if (!read_all(fd, &request->length, sizeof(request->length)) || request->length > REQUEST_MAX_BYTES) return 0;
  request->bytes = mmap(NULL, REQUEST_MAX_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (request->bytes == MAP_FAILED) return 0;
  mlock(request->bytes, REQUEST_MAX_BYTES);
  madvise(request->bytes, REQUEST_MAX_BYTES, MADV_DONTDUMP);
  madvise(request->bytes, REQUEST_MAX_BYTES, MADV_WIPEONFORK);
  return read_all(fd, request->bytes, request->length);
}

static void put(int from, int to) {
  if (dup2(from, to) < 0) _exit(127);
}

static void restore_oom_score(const char *score) {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t written = write(fd, score, strlen(score));
  (void)written;
  close(fd);
}

/* In the child. All of `fds` are above 15, so that none is in another's place. */
static void become_heir(const struct start *start, const int fds[3]) {
  int nothing = open("/dev/null", O_RDWR);
  int log = open(start->output, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
  int resumes = strcmp(start->how, "resume") == 0;
  int connection = fcntl(resumes ? CONNECTION_FD : nothing, F_DUPFD, 16), memory = fcntl(MEMORY_FD, F_DUPFD, 16);
  if (nothing < 0 || connection < 0 || memory < 0) _exit(127);
  restore_oom_score(start->oom_score);
  hurry(getpid());
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
  size_t count = 0;
  while (start->program[count] != NULL) count++;
  start->program[count] = (char *)start->how;
  start->program[count + 1] = (char *)start->why;
  execv(start->program[0], start->program);
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
    if (poll(&waiting, 1, READY_MS) <= 0) return 0;
    ssize_t more = read(answer_fd, text + length, sizeof(text) - length);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return 0;
    length += (size_t)more;
    if (memchr(text, '\n', length) != NULL) break;
  }
  static const char expected[] = "{\"ready\"";
  return length >= sizeof(expected) - 1 && memcmp(text, expected, sizeof(expected) - 1) == 0;
}

/* Whether it is dead by now; a process that waits for a disk may not be. */
static int is_dead_soon(pid_t pid) {
  const struct timespec pause = {.tv_nsec = REAP_MS * 1000000};
  kill(pid, SIGKILL);
  for (int waited_ms = 0; waited_ms < DEATH_MS; waited_ms += REAP_MS) {
    if (waitpid(pid, NULL, WNOHANG) != 0) return 1;
    nanosleep(&pause, NULL);
  }
  return 0;
}

int begin_heir(const struct start *start, struct heir *heir) {
  *heir = (struct heir){.pid = 0};
  int told[2], answer[2], life[2];
  if (pipe2(told, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0 || pipe2(life, O_CLOEXEC) < 0) return 0;
  int theirs[3] = {upwards(told[0]), upwards(answer[1]), upwards(life[1])};
  /* A heartbeat that finds the pipe full is one too many. */
  fcntl(theirs[2], F_SETFL, O_NONBLOCK);
  pid_t child = fork();
  if (child == 0) become_heir(start, theirs);
  for (int at = 0; at < 3; at++) close(theirs[at]);
  *heir = (struct heir){.pid = child > 0 ? child : 0, .pipe_fd = life[0], .told_fd = told[1], .answer_fd = answer[0]};
  if (child > 0) return 1;
  dismiss_heir(heir);
  return 0;
}

int tell_heir(const struct request *request, struct heir *heir) {
  int complete = write(heir->told_fd, request->bytes, request->length) == (ssize_t)request->length;
  close(heir->told_fd);
  int ready = complete && hears_ready(heir->answer_fd);
  close(heir->answer_fd);
  if (ready) {
    end_hurry(heir->pid);
    return 1;
  }
  if (!is_dead_soon(heir->pid)) return 0;
  close(heir->pipe_fd);
  heir->pid = 0;
  return 0;
}

void dismiss_heir(struct heir *heir) {
  close(heir->told_fd);
  close(heir->answer_fd);
  close(heir->pipe_fd);
  if (heir->pid != 0) is_dead_soon(heir->pid);
  heir->pid = 0;
}
