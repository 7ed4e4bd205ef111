/*
 * The system calls that Node does not have and the store needs. Each answers 0 or a negative errno; the TypeScript
 * beside it turns that into an error. They run on the calling thread: a fallocate of a log segment takes microseconds
 * on ext4, xfs and btrfs; where it would take longer, call it from a worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <node_api.h>
#include <stdint.h>
#include <sys/syscall.h>
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

/* setNice(nice): of the calling thread only; Linux gives every thread a nice value of its own. */
static napi_value system_set_nice(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  errno = 0;
  int result = nice(int_argument(env, args[0]));
  return answer(env, result == -1 && errno != 0 ? -1 : 0);
}

static napi_value initialise(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "fallocate", NAPI_AUTO_LENGTH, system_fallocate, NULL, &function);
  napi_set_named_property(env, exports, "fallocate", function);
  napi_create_function(env, "setNice", NAPI_AUTO_LENGTH, system_set_nice, NULL, &function);
  napi_set_named_property(env, exports, "setNice", function);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, initialise)
