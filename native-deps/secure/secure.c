// What JavaScript can't ask of the kernel about secrets: pages that are never swapped nor dumped, and a process of
// which no core is written. The pages lie inside a SharedArrayBuffer that the caller made: V8 aborts when two threads
// wrap one foreign pointer, so the memory has to be V8's own, and only its page-aligned part is locked here.

#include <node_api.h>
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif
#ifndef MADV_KEEPONFORK
#define MADV_KEEPONFORK 19
#endif

static napi_value fail(napi_env env, const char *message) {
  napi_throw_error(env, NULL, message);
  return NULL;
}

static napi_value number(napi_env env, double value) {
  napi_value out;
  return napi_create_double(env, value, &out) == napi_ok ? out : NULL;
}

static int set(napi_env env, napi_value object, const char *name, double value) {
  napi_value out = number(env, value);
  return out != NULL && napi_set_named_property(env, object, name, out) == napi_ok;
}

// lockPages(view: Uint8Array of shared memory, bytes): { offset, error }
// offset: where the first whole page begins in the view. error: 0, or the errno with which mlock refused.
static napi_value lock_pages(napi_env env, napi_callback_info info) {
  size_t argc = 2, length = 0;
  napi_value argv[2], out;
  napi_typedarray_type type;
  void *data = NULL;
  int64_t wanted = 0;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 2 ||
      napi_get_typedarray_info(env, argv[0], &type, &length, &data, NULL, NULL) != napi_ok ||
      type != napi_uint8_array || napi_get_value_int64(env, argv[1], &wanted) != napi_ok)
    return fail(env, "lockPages(view, bytes): a Uint8Array and a number");

  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t start = (uintptr_t)data;
  uintptr_t aligned = (start + page - 1) & ~(page - 1);
  if (wanted <= 0 || (uintptr_t)wanted % page != 0 || aligned + (uintptr_t)wanted > start + length)
    return fail(env, "lockPages: the view does not hold that many whole pages");

  int error = mlock((void *)aligned, (size_t)wanted) == 0 ? 0 : errno;
  // Best effort: an old kernel that knows neither still has no core to write, see harden_process.
  madvise((void *)aligned, (size_t)wanted, MADV_DONTDUMP);
  madvise((void *)aligned, (size_t)wanted, MADV_WIPEONFORK);

  if (napi_create_object(env, &out) != napi_ok || !set(env, out, "offset", (double)(aligned - start)) ||
      !set(env, out, "error", error))
    return fail(env, "lockPages: out of memory");
  return out;
}

// unlockPages(pages: Uint8Array): what lockPages did is undone. The memory may become anybody's, and with
// MADV_WIPEONFORK left on it his strings would be zeros in a forked child.
static napi_value unlock_pages(napi_env env, napi_callback_info info) {
  size_t argc = 1, length = 0;
  napi_value argv[1];
  void *data = NULL;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 1 ||
      napi_get_typedarray_info(env, argv[0], NULL, &length, &data, NULL, NULL) != napi_ok)
    return fail(env, "unlockPages(pages): a Uint8Array");
  madvise(data, length, MADV_KEEPONFORK);
  madvise(data, length, MADV_DODUMP);
  munlock(data, length);
  return NULL;
}

// pageSize(): number
static napi_value page_size(napi_env env, napi_callback_info info) {
  return number(env, (double)sysconf(_SC_PAGESIZE));
}

// hardenProcess(): { dumpable, core }: 0 each, or the errno with which the kernel refused.
static napi_value harden_process(napi_env env, napi_callback_info info) {
  napi_value out;
  struct rlimit none = {0, 0};
  int dumpable = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno;
  int core = setrlimit(RLIMIT_CORE, &none) == 0 ? 0 : errno;
  if (napi_create_object(env, &out) != napi_ok || !set(env, out, "dumpable", dumpable) || !set(env, out, "core", core))
    return fail(env, "hardenProcess: out of memory");
  return out;
}

static napi_value init(napi_env env, napi_value exports) {
  napi_property_descriptor properties[] = {
      {"lockPages", NULL, lock_pages, NULL, NULL, NULL, napi_enumerable, NULL},
      {"unlockPages", NULL, unlock_pages, NULL, NULL, NULL, napi_enumerable, NULL},
      {"pageSize", NULL, page_size, NULL, NULL, NULL, napi_enumerable, NULL},
      {"hardenProcess", NULL, harden_process, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  if (napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties) != napi_ok)
    return fail(env, "secure: can't define its functions");
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
