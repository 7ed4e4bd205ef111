#include "look.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct thread {
  char state;
  int64_t ticks;
};

/* Without its last byte when it is longer than the buffer; 0: it can't be read. */
static int read_file(const char *path, char *into, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, into, size - 1);
  close(fd);
  if (length <= 0) return 0;
  into[length] = '\0';
  return 1;
}

/* "pid (any text) state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime ..." */
static int read_stat(const char *path, struct thread *thread) {
  char text[1024];
  if (!read_file(path, text, sizeof(text))) return 0;
  const char *rest = strrchr(text, ')');
  unsigned long long user = 0, system = 0;
  if (rest == NULL || sscanf(rest, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &thread->state, &user, &system) != 3) return 0;
  thread->ticks = (int64_t)(user + system);
  return 1;
}

static int64_t ticks_to_ms(int64_t ticks) {
  return ticks * 1000 / sysconf(_SC_CLK_TCK);
}

/* Exact where the kernel counts it: "time on a processor, time waiting for one, turns", nanoseconds. */
static int64_t main_cpu_ms(pid_t pid, int64_t ticks) {
  char path[64], text[128];
  unsigned long long nanoseconds = 0;
  snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, pid);
  if (read_file(path, text, sizeof(text)) && sscanf(text, "%llu", &nanoseconds) == 1 && nanoseconds > 0) return (int64_t)(nanoseconds / 1000000);
  return ticks_to_ms(ticks);
}

static int others_at_work(pid_t pid) {
  char path[320];
  snprintf(path, sizeof(path), "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL) return 1;
  int busy = 0;
  for (struct dirent *entry = readdir(tasks); entry != NULL && !busy; entry = readdir(tasks)) {
    if (entry->d_name[0] == '.' || atoi(entry->d_name) == pid) continue;
    struct thread thread;
    snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, entry->d_name);
    busy = read_stat(path, &thread) && (thread.state == 'R' || thread.state == 'D');
  }
  closedir(tasks);
  return busy;
}

static int is_traced(pid_t pid) {
  char path[64], text[4096];
  snprintf(path, sizeof(path), "/proc/%d/status", pid);
  if (!read_file(path, text, sizeof(text))) return 0;
  const char *line = strstr(text, "\nTracerPid:");
  return line != NULL && atoi(line + strlen("\nTracerPid:")) > 0;
}

struct look look_at(pid_t pid) {
  struct look look = {0};
  struct thread main_thread, process;
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, pid);
  if (!read_stat(path, &main_thread)) return look;
  snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  if (!read_stat(path, &process)) return look;
  look.known = 1;
  look.state = main_thread.state;
  look.main_cpu_ms = main_cpu_ms(pid, main_thread.ticks);
  look.cpu_ms = ticks_to_ms(process.ticks);
  look.others_at_work = others_at_work(pid);
  look.traced = is_traced(pid);
  return look;
}

static int64_t less(int64_t one, int64_t other) {
  return one < other ? one : other;
}

void weigh(struct doubt *doubt, const struct look *before, const struct look *now, int64_t passed_ms, int64_t expected_ms) {
  int64_t span = less(passed_ms, expected_ms);
  if (!before->known || !now->known) {
    doubt->possible += span;
    return;
  }
  int64_t used = less(now->main_cpu_ms - before->main_cpu_ms, span), sure = used;
  int is_late = passed_ms > 2 * expected_ms;
  switch (now->state) {
    case 'R':
      /* What it did not get of a processor it could not use, however long it waited; an heir would wait as well. */
      doubt->possible += used;
      break;
    case 'S':
      /* Its own timer would have woken it. Whom it waits for may wait for a processor or for a disk. */
      if (used == 0 && !is_late && before->state == 'S' && !now->others_at_work && now->cpu_ms == before->cpu_ms) sure = span;
      doubt->possible += span;
      break;
    case 'T':
      if (!is_late) sure = span;
      doubt->possible += span;
      break;
    case 'D':
    case 't':
      doubt->possible += span;
      break;
    default: /* it is dying */
      break;
  }
  if (!now->traced) doubt->sure += sure;
}
