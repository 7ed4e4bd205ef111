#include "memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arguments.h"

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

/* largePages(bytes): the whole pages in it may be large ones. Kernels without them refuse, and nothing changes. */
static napi_value system_large_pages(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1, length = 0;
  void *data = NULL;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  napi_get_typedarray_info(env, args[0], NULL, &length, &data, NULL, NULL);
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t from = ((uintptr_t)data + page - 1) & ~(page - 1);
  uintptr_t to = ((uintptr_t)data + length) & ~(page - 1);
  return answer(env, from >= to ? 0 : madvise((void *)from, to - from, MADV_HUGEPAGE));
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

void provide_memory(napi_env env, napi_value exports) {
  provide(env, exports, "discard", system_discard);
  provide(env, exports, "largePages", system_large_pages);
  provide(env, exports, "createMemory", system_create_memory);
  provide(env, exports, "mapMemory", system_map_memory);
  provide(env, exports, "copy", system_copy);
  provide(env, exports, "pageOffset", system_page_offset);
  provide(env, exports, "returnMemory", system_return_memory);
}
