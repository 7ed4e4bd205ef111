/* One kind of operation, many times, on a mount; prints nanoseconds a call. What calls costs next to nothing beside the
 * mount, so the mount is what is measured. cc -O2 -o load load.c; load KIND FOLDER COUNT */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char path[4096], *name;

static void name_file(long index) { sprintf(name, "file-%08ld", index); }

static void must(int outcome, const char *what) {
  if (outcome >= 0) return;
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int count, char **words) {
  if (count != 4) return 2;
  const char *kind = words[1];
  long times = atol(words[3]);
  name = path + sprintf(path, "%s/", words[2]);
  size_t length = strcmp(kind, "read4k") == 0 || strcmp(kind, "write4k") == 0 ? 4096 : 1 << 20;
  char *buffer = aligned_alloc(4096, length);
  memset(buffer, 7, length);
  struct stat found;
  int file = -1;
  uint64_t seed = 88172645463325252u;
  if (strstr(kind, "read") == kind || strstr(kind, "write") == kind) {
    strcpy(name, "content");
    /* Straight to the mount: the kernel's cache would answer else. */
    file = open(path, O_RDWR | O_CREAT | O_DIRECT, 0644);
    must(file, path);
    must(ftruncate(file, (off_t)1 << 30), path);
  }
  double began = now();
  if (strcmp(kind, "readdirplus") == 0) {
    *name = 0;
    DIR *folder = opendir(path);
    long entries = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL; entries++) {
      if (entry->d_name[0] == '.') continue;
      must(fstatat(dirfd(folder), entry->d_name, &found, AT_SYMLINK_NOFOLLOW), entry->d_name);
    }
    times = entries;
    closedir(folder);
  } else for (long index = 0; index < times; index++) {
    if (strcmp(kind, "create") == 0) {
      name_file(index);
      int made = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
      must(made, path);
      close(made);
    } else if (strcmp(kind, "stat") == 0) {
      name_file(index);
      must(stat(path, &found), path);
    } else if (strcmp(kind, "unlink") == 0) {
      name_file(index);
      must(unlink(path), path);
    } else if (strcmp(kind, "read1m") == 0) {
      must((int)pread(file, buffer, length, (off_t)(index % 1024) << 20), "read");
    } else if (strcmp(kind, "write1m") == 0) {
      must((int)pwrite(file, buffer, length, (off_t)(index % 1024) << 20), "write");
    } else {
      seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17;
      off_t offset = (off_t)(seed % (1 << 18)) * 4096;
      must((int)(strcmp(kind, "read4k") == 0 ? pread(file, buffer, length, offset) : pwrite(file, buffer, length, offset)), kind);
    }
  }
  printf("%.0f\n", (now() - began) / (double)times);
  return 0;
}
