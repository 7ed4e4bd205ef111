/*
 * Seals and opens a run of segments of a blob in one call, with the OpenSSL that Node brings: the same XChaCha20-Poly1305
 * and SHA-256 as libsodium's and node:crypto's, in half the time, because each segment is hashed while it is in the
 * processor's cache and nothing is made for a call. Its symbols are looked for when the addon is loaded: where this Node
 * has none, `load` says so and the packages do it (sealing.ts).
 */
#include <node_api.h>
#include <stdlib.h>

#include "segments.h"

struct view {
  uint8_t *bytes;
  size_t length;
};

static struct view view_of(napi_env env, napi_value value) {
  struct view view = {0};
  napi_get_typedarray_info(env, value, NULL, &view.length, (void **)&view.bytes, NULL, NULL);
  return view;
}

struct call {
  struct segments *segments;
  struct view out, in, table;
  struct run run;
};

/* (out, in, table, header, key, first, isEnd): 0 when the lengths don't fit together. */
static int arguments(napi_env env, napi_callback_info info, struct call *call, int seals) {
  size_t count = 7;
  napi_value args[7];
  napi_get_cb_info(env, info, &count, args, NULL, (void **)&call->segments);
  if (count < 7) return 0;
  call->out = view_of(env, args[0]);
  call->in = view_of(env, args[1]);
  call->table = view_of(env, args[2]);
  struct view header = view_of(env, args[3]);
  struct view key = view_of(env, args[4]);
  bool is_end = false;
  napi_get_value_uint32(env, args[5], &call->run.first);
  napi_get_value_bool(env, args[6], &is_end);
  call->run.key = key.bytes;
  call->run.header = header.bytes;
  call->run.header_bytes = header.length;
  call->run.is_end = is_end;
  call->run.plain_bytes = seals ? call->in.length : call->out.length;
  size_t sealed_bytes = seals ? call->out.length : call->in.length;
  size_t segments = (call->run.plain_bytes + SEGMENT_BYTES - 1) / SEGMENT_BYTES;
  return segments > 0 && key.length == KEY_BYTES && header.length <= SEGMENT_BYTES && call->table.length == segments * HASH_BYTES &&
         sealed_bytes == call->run.plain_bytes + segments * TAG_BYTES && (is_end || call->run.plain_bytes % SEGMENT_BYTES == 0);
}

static napi_value number(napi_env env, int64_t value) {
  napi_value out;
  napi_create_int64(env, value, &out);
  return out;
}

/* seal(out, plain, table, header, key, first, isEnd): see segments.h. */
static napi_value seal(napi_env env, napi_callback_info info) {
  struct call call = {0};
  if (!arguments(env, info, &call, 1)) return number(env, RUN_FAILED);
  return number(env, segments_seal(call.segments, &call.run, call.in.bytes, call.out.bytes, call.table.bytes));
}

/* open(out, sealed, table, header, key, first, isEnd): see segments.h. */
static napi_value unseal(napi_env env, napi_callback_info info) {
  struct call call = {0};
  if (!arguments(env, info, &call, 0)) return number(env, RUN_FAILED);
  return number(env, segments_unseal(call.segments, &call.run, call.in.bytes, call.table.bytes, call.out.bytes));
}

static void finalise(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  segments_close(data);
  free(data);
}

static napi_value initialise(napi_env env, napi_value exports) {
  struct segments *segments = calloc(1, sizeof(*segments));
  if (segments == NULL || !segments_open(segments)) {
    free(segments);
    return exports;
  }
  napi_set_instance_data(env, segments, finalise, NULL);
  napi_value function;
  napi_create_function(env, "seal", NAPI_AUTO_LENGTH, seal, segments, &function);
  napi_set_named_property(env, exports, "seal", function);
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, unseal, segments, &function);
  napi_set_named_property(env, exports, "open", function);
  return exports;
}

NAPI_MODULE(sealing, initialise)
