/* Reading JavaScript arguments without ceremony. A wrong type reads as 0: the only caller is the driver beside it. */
#ifndef VAULTFS_FUSE_ARGUMENTS_H
#define VAULTFS_FUSE_ARGUMENTS_H

#include <node_api.h>
#include <stddef.h>
#include <stdint.h>

#define ARGUMENTS_MAX 6

/* The arguments of this call; returns the data pointer that the function was made with. */
void *arguments(napi_env env, napi_callback_info info, napi_value values[ARGUMENTS_MAX]);
int32_t to_int(napi_env env, napi_value value);
uint64_t to_long(napi_env env, napi_value value);
int to_bool(napi_env env, napi_value value);
/* The bytes of a Uint8Array, over an ArrayBuffer or a SharedArrayBuffer. */
uint8_t *to_bytes(napi_env env, napi_value value, size_t *length);
/* A string as UTF-8, to be freed. */
char *to_text(napi_env env, napi_value value);
napi_value from_int(napi_env env, int32_t value);
napi_value undefined_value(napi_env env);
void set_function(napi_env env, napi_value object, const char *name, napi_callback callback, void *data);

#endif
