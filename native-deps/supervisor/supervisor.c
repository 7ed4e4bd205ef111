/*
 * vaultfs-supervisor MOUNTPOINT MAJOR:MINOR, with a pipe from the daemon as standard input.
 *
 * A daemon that dies leaves a mount that answers "Transport endpoint is not connected" to everybody. This process holds
 * the other end of a pipe: one byte means that the daemon unmounted by itself; an end without that byte means that it
 * died, and then the mount is detached, if it is still that very one. It holds no secrets and reads no file of the mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINE_MAX_BYTES 16384

static void leave_the_daemons_session(void) {
  setsid();
  int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP};
  for (size_t at = 0; at < sizeof(ignored) / sizeof(ignored[0]); at++) signal(ignored[at], SIG_IGN);
  if (chdir("/") < 0) exit(1);
  /* Whatever else was inherited must not be kept alive by us: above all no descriptor of /dev/fuse. */
#ifdef SYS_close_range
  if (syscall(SYS_close_range, 3, ~0U, 0) == 0) return;
#endif
  for (int fd = 3; fd < 65536; fd++) close(fd);
}

/* 1: the daemon said it is done; 0: it died. */
static int wait_for_the_daemon(void) {
  char byte;
  for (;;) {
    ssize_t length = read(STDIN_FILENO, &byte, 1);
    if (length > 0) return 1;
    if (length == 0 || errno != EINTR) return 0;
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

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: vaultfs-supervisor MOUNTPOINT MAJOR:MINOR\n");
    return 2;
  }
  leave_the_daemons_session();
  if (wait_for_the_daemon()) return 0;
  if (is_still_there(arguments[1], arguments[2])) detach(arguments[1]);
  return 0;
}
