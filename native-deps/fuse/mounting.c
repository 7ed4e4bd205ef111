#include "mounting.h"

#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

/* mountDirect(source, mountPoint, options, readOnly): the descriptor. root may be given suid and dev: none is refused. */
napi_value mounting_direct(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  arguments(env, info, args);
  int fd = open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return from_int(env, -errno);
  char *source = to_text(env, args[0]);
  char *target = to_text(env, args[1]);
  char *options = to_text(env, args[2]);
  char *data = NULL;
  int result = -ENOMEM;
  if (source != NULL && target != NULL && options != NULL &&
      asprintf(&data, "fd=%d,rootmode=40000,user_id=%u,group_id=%u,%s", fd, geteuid(), getegid(), options) >= 0) {
    unsigned long flags = to_bool(env, args[3]) ? MS_RDONLY : 0;
    result = mount(source, target, "fuse.vaultfs", flags, data) < 0 ? -errno : fd;
  }
  if (result < 0) close(fd);
  free(source);
  free(target);
  free(options);
  free(data);
  return from_int(env, result);
}

/* socketPair(): [ours, the child's], or -errno. The child's end is inheritable only through spawn's stdio. */
napi_value mounting_socket_pair(napi_env env, napi_callback_info info) {
  (void)info;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return from_int(env, -errno);
  napi_value array;
  napi_create_array_with_length(env, 2, &array);
  napi_set_element(env, array, 0, from_int(env, pair[0]));
  napi_set_element(env, array, 1, from_int(env, pair[1]));
  return array;
}

/* receiveDescriptor(socket): after fusermount has ended, so that nothing is waited for; -EAGAIN when it sent none. */
napi_value mounting_receive(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  arguments(env, info, args);
  char byte;
  struct iovec vector = {.iov_base = &byte, .iov_len = 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
  ssize_t received;
  do {
    received = recvmsg(to_int(env, args[0]), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return from_int(env, -errno);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (received == 0 || header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
    return from_int(env, -EAGAIN);
  }
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof(fd));
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
    int error = errno;
    close(fd);
    return from_int(env, -error);
  }
  return from_int(env, fd);
}

struct unmounting {
  napi_async_work work;
  napi_deferred deferred;
  char *target;
  int flags;
  int result;
};

/* On a thread of the pool: the kernel may have to write pages back through us before umount2 returns. */
static void unmount_work(napi_env env, void *data) {
  (void)env;
  struct unmounting *unmounting = data;
  unmounting->result = umount2(unmounting->target, unmounting->flags) < 0 ? -errno : 0;
}

static void unmount_done(napi_env env, napi_status status, void *data) {
  (void)status;
  struct unmounting *unmounting = data;
  napi_resolve_deferred(env, unmounting->deferred, from_int(env, unmounting->result));
  napi_delete_async_work(env, unmounting->work);
  free(unmounting->target);
  free(unmounting);
}

/* unmount(mountPoint, lazy): a promise of 0 or -errno. A symbolic link at the mount point is not followed. */
napi_value mounting_unmount(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  arguments(env, info, args);
  struct unmounting *unmounting = calloc(1, sizeof(*unmounting));
  unmounting->target = to_text(env, args[0]);
  unmounting->flags = UMOUNT_NOFOLLOW | (to_bool(env, args[1]) ? MNT_DETACH : 0);
  napi_value promise, name;
  napi_create_promise(env, &unmounting->deferred, &promise);
  napi_create_string_utf8(env, "unmount", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, NULL, name, unmount_work, unmount_done, unmounting, &unmounting->work);
  napi_queue_async_work(env, unmounting->work);
  return promise;
}
