/* What the calls of this addon are made with and answer. A wrong type reads as -1. */
#ifndef VAULTFS_SYSTEM_ARGUMENTS_H
#define VAULTFS_SYSTEM_ARGUMENTS_H

#include <errno.h>
#include <node_api.h>
#include <stdint.h>

static inline int32_t int_argument(napi_env env, napi_value value) {
  int32_t out = -1;
  napi_get_value_int32(env, value, &out);
  return out;
}

static inline int64_t long_argument(napi_env env, napi_value value) {
  int64_t out = -1;
  napi_get_value_int64(env, value, &out);
  return out;
}

static inline napi_value answer(napi_env env, int result) {
  napi_value out;
  napi_create_int32(env, result < 0 ? -errno : 0, &out);
  return out;
}

static inline void provide(napi_env env, napi_value exports, const char *name, napi_callback call) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, call, NULL, &function);
  napi_set_named_property(env, exports, name, function);
}

#endif
