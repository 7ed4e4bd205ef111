#include "arguments.h"

#include <stdlib.h>

void *arguments(napi_env env, napi_callback_info info, napi_value values[ARGUMENTS_MAX]) {
  void *data = NULL;
  size_t count = ARGUMENTS_MAX;
  napi_get_cb_info(env, info, &count, values, NULL, &data);
  return data;
}

int32_t to_int(napi_env env, napi_value value) {
  int32_t out = 0;
  napi_get_value_int32(env, value, &out);
  return out;
}

uint64_t to_long(napi_env env, napi_value value) {
  int64_t out = 0;
  napi_get_value_int64(env, value, &out);
  return (uint64_t)out;
}

int to_bool(napi_env env, napi_value value) {
  bool out = false;
  napi_get_value_bool(env, value, &out);
  return out;
}

uint8_t *to_bytes(napi_env env, napi_value value, size_t *length) {
  void *data = NULL;
  *length = 0;
  napi_get_buffer_info(env, value, &data, length);
  return data;
}

char *to_text(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, NULL, 0, &length);
  char *text = calloc(1, length + 1);
  if (text != NULL) napi_get_value_string_utf8(env, value, text, length + 1, &length);
  return text;
}

napi_value from_int(napi_env env, int32_t value) {
  napi_value out;
  napi_create_int32(env, value, &out);
  return out;
}

napi_value undefined_value(napi_env env) {
  napi_value out;
  napi_get_undefined(env, &out);
  return out;
}

void set_function(napi_env env, napi_value object, const char *name, napi_callback callback, void *data) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function);
  napi_set_named_property(env, object, name, function);
}
