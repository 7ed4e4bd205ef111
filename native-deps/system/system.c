/*
 * The system calls that Node does not have and the store needs. Each answers 0 or a negative errno; the TypeScript
 * beside it turns that into an error. They run on the calling thread: a fallocate of a log segment takes microseconds
 * on ext4, xfs and btrfs; where it would take longer, call it from a worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "arguments.h"
#include "memory.h"

/* fallocate(fd, mode, offset, length) */
static napi_value system_fallocate(napi_env env, napi_callback_info info) {
  napi_value args[4];
  size_t count = 4;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  int result;
  do {
    result = fallocate(int_argument(env, args[0]), int_argument(env, args[1]), long_argument(env, args[2]),
                       long_argument(env, args[3]));
  } while (result < 0 && errno == EINTR);
  return answer(env, result);
}

/* cachestat(2) of Linux 6.5, which older headers do not name. */
#define SYSCALL_CACHESTAT 451
struct cached_range {
  uint64_t offset, length;
};
struct cached_pages {
  uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* cachedPages(fd, offset, length): how many pages of the range are in the page cache, or a negative errno. */
static napi_value system_cached_pages(napi_env env, napi_callback_info info) {
  napi_value args[3], out;
  size_t count = 3;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  struct cached_range range = {(uint64_t)long_argument(env, args[1]), (uint64_t)long_argument(env, args[2])};
  struct cached_pages pages = {0};
  long result = syscall(SYSCALL_CACHESTAT, int_argument(env, args[0]), &range, &pages, 0);
  napi_create_int64(env, result < 0 ? -errno : (int64_t)pages.cached, &out);
  return out;
}

/* closeOnExec(fd) */
static napi_value system_close_on_exec(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  return answer(env, fcntl(int_argument(env, args[0]), F_SETFD, FD_CLOEXEC));
}

/* setNice(nice): of the calling thread only; Linux gives every thread a nice value of its own. */
static napi_value system_set_nice(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  errno = 0;
  int result = nice(int_argument(env, args[0]));
  return answer(env, result == -1 && errno != 0 ? -1 : 0);
}

/* lock(fd): exclusive, at once or -EWOULDBLOCK; the kernel drops it with its holder. */
static napi_value system_lock(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  return answer(env, flock(int_argument(env, args[0]), LOCK_EX | LOCK_NB));
}

/* setImmutable(fd, on): the i flag of chattr(1). */
static napi_value system_set_immutable(napi_env env, napi_callback_info info) {
  napi_value args[2];
  size_t count = 2;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  bool on = false;
  napi_get_value_bool(env, args[1], &on);
  int fd = int_argument(env, args[0]);
  /* The kernel reads and writes an int here, although the request's number says long. */
  int flags = 0;
  int result = ioctl(fd, FS_IOC_GETFLAGS, &flags);
  if (result == 0) {
    flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    result = ioctl(fd, FS_IOC_SETFLAGS, &flags);
  }
  return answer(env, result);
}

/* setXattr(path, name, value): of a link itself. Path and name are bytes that end with a zero. */
static napi_value system_set_xattr(napi_env env, napi_callback_info info) {
  napi_value args[3];
  size_t count = 3, length[3] = {0, 0, 0};
  void *data[3] = {NULL, NULL, NULL};
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  for (int i = 0; i < 3; i++) {
    bool known = napi_get_typedarray_info(env, args[i], NULL, &length[i], &data[i], NULL, NULL) == napi_ok;
    if (known && (i == 2 || (length[i] > 0 && ((char *)data[i])[length[i] - 1] == 0))) continue;
    errno = EINVAL;
    return answer(env, -1);
  }
  return answer(env, lsetxattr(data[0], data[1], data[2], length[2], 0));
}

/* syncDisk(fd): everything of the filesystem that the descriptor is of. */
static napi_value system_sync_disk(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  return answer(env, syncfs(int_argument(env, args[0])));
}

static napi_value initialise(napi_env env, napi_value exports) {
  provide(env, exports, "fallocate", system_fallocate);
  provide(env, exports, "setNice", system_set_nice);
  provide(env, exports, "lock", system_lock);
  provide(env, exports, "setImmutable", system_set_immutable);
  provide(env, exports, "setXattr", system_set_xattr);
  provide(env, exports, "syncDisk", system_sync_disk);
  provide(env, exports, "cachedPages", system_cached_pages);
  provide(env, exports, "closeOnExec", system_close_on_exec);
  provide_memory(env, exports);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, initialise)
