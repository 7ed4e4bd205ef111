#include "place.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES 16384

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

/* Lines: id parent major:minor root mount-point ... */
int device_at(const char *mount_point, char device[DEVICE_MAX]) {
  FILE *table = fopen("/proc/self/mountinfo", "re");
  if (table == NULL) return 0;
  static char line[LINE_MAX_BYTES];
  int found = 0;
  while (fgets(line, sizeof(line), table) != NULL) {
    char *rest = line;
    char *fields[5] = {0};
    for (int at = 0; at < 5; at++) fields[at] = strsep(&rest, " ");
    if (fields[4] == NULL || strlen(fields[2]) >= DEVICE_MAX) continue;
    unescape(fields[4]);
    if (strcmp(fields[4], mount_point) != 0) continue;
    strcpy(device, fields[2]);
    found = 1;
  }
  fclose(table);
  return found;
}

int is_still_there(const char *mount_point, const char *device) {
  char there[DEVICE_MAX];
  return device_at(mount_point, there) && strcmp(there, device) == 0;
}

/* In a child: the programs are setuid, for those who may not unmount themselves. */
static void detach_by_program(const char *mount_point) {
  static const char *const programs[] = {"/usr/bin/fusermount3", "/bin/fusermount3", "/usr/local/bin/fusermount3",
                                         "/run/wrappers/bin/fusermount3", "/usr/bin/fusermount", "/bin/fusermount"};
  char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
  for (size_t at = 0; at < sizeof(programs) / sizeof(programs[0]); at++) {
    char *const arguments[] = {(char *)programs[at], "-u", "-z", "--", (char *)mount_point, NULL};
    execve(programs[at], arguments, environment);
  }
  _exit(127);
}

void detach(const char *mount_point) {
  if (umount2(mount_point, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return;
  pid_t program = fork();
  if (program == 0) detach_by_program(mount_point);
  if (program > 0) waitpid(program, NULL, 0);
}

void abort_connection(const char *mount_point, const char *device) {
  /* Refused as busy, after it has ended the connection. */
  umount2(mount_point, MNT_FORCE | UMOUNT_NOFOLLOW);
  char path[128];
  const char *minor = strchr(device, ':');
  if (minor == NULL) return;
  snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%s/abort", minor + 1);
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  ssize_t written = write(fd, "1", 1);
  (void)written;
  close(fd);
}
