/*
 * The system calls that Node does not have and the store needs. Each answers 0 or a negative errno; the TypeScript
 * beside it turns that into an error. They run on the calling thread: a fallocate of a log segment takes microseconds
 * on ext4, xfs and btrfs; where it would take longer, call it from a worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <malloc.h>
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static int32_t int_argument(napi_env env, napi_value value) {
  int32_t out = -1;
  napi_get_value_int32(env, value, &out);
  return out;
}

static int64_t long_argument(napi_env env, napi_value value) {
  int64_t out = -1;
  napi_get_value_int64(env, value, &out);
  return out;
}

static napi_value answer(napi_env env, int result) {
  napi_value out;
  napi_create_int32(env, result < 0 ? -errno : 0, &out);
  return out;
}

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

/*
 * discard(bytes): whole pages inside of it go back to the kernel and read as zeros from then on. Private memory without
 * a file behind it, as JavaScript's is, knows no MADV_REMOVE; shared memory keeps its pages with MADV_DONTNEED.
 */
static napi_value system_discard(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1, length = 0;
  void *data = NULL;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  if (napi_get_typedarray_info(env, args[0], NULL, &length, &data, NULL, NULL) != napi_ok) {
    errno = EINVAL;
    return answer(env, -1);
  }
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t from = ((uintptr_t)data + page - 1) & ~(page - 1);
  uintptr_t to = ((uintptr_t)data + length) & ~(page - 1);
  if (from >= to || madvise((void *)from, to - from, MADV_REMOVE) == 0) return answer(env, 0);
  return answer(env, madvise((void *)from, to - from, MADV_DONTNEED));
}

/* createMemory(bytes): a descriptor of memory that lives for as long as a process holds it, or a negative errno. */
static napi_value system_create_memory(napi_env env, napi_callback_info info) {
  napi_value args[1], out;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  int fd = memfd_create("vaultfs", MFD_CLOEXEC);
  if (fd >= 0 && ftruncate(fd, long_argument(env, args[0])) < 0) {
    int failed = errno;
    close(fd);
    errno = failed;
    fd = -1;
  }
  napi_create_int32(env, fd < 0 ? -errno : fd, &out);
  return out;
}

/* mapMemory(bytes, fd, offset): `bytes`, whole pages, become that part of the descriptor's memory; what they held is gone. */
static napi_value system_map_memory(napi_env env, napi_callback_info info) {
  napi_value args[3];
  size_t count = 3, length = 0;
  void *data = NULL;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  napi_status known = napi_get_typedarray_info(env, args[0], NULL, &length, &data, NULL, NULL);
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  if (known != napi_ok || ((uintptr_t)data | length) % page != 0) {
    errno = EINVAL;
    return answer(env, -1);
  }
  void *mapped = mmap(data, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, int_argument(env, args[1]), long_argument(env, args[2]));
  if (mapped == MAP_FAILED) return answer(env, -1);
  return answer(env, madvise(data, length, MADV_DONTDUMP));
}

/*
 * copy(target, source): as many bytes as `source` has; they may lie in one memory, but not over each other. V8 copies
 * shared memory a word at a time.
 */
static napi_value system_copy(napi_env env, napi_callback_info info) {
  napi_value args[2];
  size_t count = 2, room = 0, length = 0;
  void *target = NULL, *source = NULL;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  bool known = napi_get_typedarray_info(env, args[0], NULL, &room, &target, NULL, NULL) == napi_ok &&
               napi_get_typedarray_info(env, args[1], NULL, &length, &source, NULL, NULL) == napi_ok;
  if (!known || length > room) {
    errno = EINVAL;
    return answer(env, -1);
  }
  if (length > 0) memcpy(target, source, length);
  return NULL;
}

/* pageOffset(bytes): from where on they begin at a page of 4096 bytes. */
static napi_value system_page_offset(napi_env env, napi_callback_info info) {
  napi_value args[1], out;
  size_t count = 1;
  void *data = NULL;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  napi_get_typedarray_info(env, args[0], NULL, NULL, &data, NULL, NULL);
  napi_create_uint32(env, (uint32_t)(-(uintptr_t)data & 4095), &out);
  return out;
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

struct returning {
  napi_async_work work;
  napi_deferred deferred;
};

/* On a thread of the pool. It holds the lock of one arena after the other, for as long as its free pages take. */
static void return_work(napi_env env, void *data) {
  (void)env;
  (void)data;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

static void return_done(napi_env env, napi_status status, void *data) {
  (void)status;
  struct returning *returning = data;
  napi_value nothing;
  napi_get_undefined(env, &nothing);
  napi_resolve_deferred(env, returning->deferred, nothing);
  napi_delete_async_work(env, returning->work);
  free(returning);
}

/* returnMemory(): a promise; undefined where there is no memory for it. */
static napi_value system_return_memory(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value promise, name;
  struct returning *returning = calloc(1, sizeof(*returning));
  if (returning == NULL) return NULL;
  napi_create_promise(env, &returning->deferred, &promise);
  napi_create_string_utf8(env, "returnMemory", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, NULL, name, return_work, return_done, returning, &returning->work);
  napi_queue_async_work(env, returning->work);
  return promise;
}

static napi_value initialise(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "fallocate", NAPI_AUTO_LENGTH, system_fallocate, NULL, &function);
  napi_set_named_property(env, exports, "fallocate", function);
  napi_create_function(env, "setNice", NAPI_AUTO_LENGTH, system_set_nice, NULL, &function);
  napi_set_named_property(env, exports, "setNice", function);
  napi_create_function(env, "lock", NAPI_AUTO_LENGTH, system_lock, NULL, &function);
  napi_set_named_property(env, exports, "lock", function);
  napi_create_function(env, "setImmutable", NAPI_AUTO_LENGTH, system_set_immutable, NULL, &function);
  napi_set_named_property(env, exports, "setImmutable", function);
  napi_create_function(env, "setXattr", NAPI_AUTO_LENGTH, system_set_xattr, NULL, &function);
  napi_set_named_property(env, exports, "setXattr", function);
  napi_create_function(env, "syncDisk", NAPI_AUTO_LENGTH, system_sync_disk, NULL, &function);
  napi_set_named_property(env, exports, "syncDisk", function);
  napi_create_function(env, "discard", NAPI_AUTO_LENGTH, system_discard, NULL, &function);
  napi_set_named_property(env, exports, "discard", function);
  napi_create_function(env, "createMemory", NAPI_AUTO_LENGTH, system_create_memory, NULL, &function);
  napi_set_named_property(env, exports, "createMemory", function);
  napi_create_function(env, "mapMemory", NAPI_AUTO_LENGTH, system_map_memory, NULL, &function);
  napi_set_named_property(env, exports, "mapMemory", function);
  napi_create_function(env, "copy", NAPI_AUTO_LENGTH, system_copy, NULL, &function);
  napi_set_named_property(env, exports, "copy", function);
  napi_create_function(env, "pageOffset", NAPI_AUTO_LENGTH, system_page_offset, NULL, &function);
  napi_set_named_property(env, exports, "pageOffset", function);
  napi_create_function(env, "cachedPages", NAPI_AUTO_LENGTH, system_cached_pages, NULL, &function);
  napi_set_named_property(env, exports, "cachedPages", function);
  napi_create_function(env, "closeOnExec", NAPI_AUTO_LENGTH, system_close_on_exec, NULL, &function);
  napi_set_named_property(env, exports, "closeOnExec", function);
  napi_create_function(env, "returnMemory", NAPI_AUTO_LENGTH, system_return_memory, NULL, &function);
  napi_set_named_property(env, exports, "returnMemory", function);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, initialise)
