/*
 * The zstd that Node brings, with contexts that stay: node:zlib makes an object and a context for each call, which costs
 * 50 to 90 microseconds and half a megabyte for the collector, several times what a frame of 64 KiB takes. The same
 * calls and parameters as node:zlib's, so the same bytes come out. Its symbols are looked for when the addon is loaded:
 * where this Node has none, `load` says so and node:zlib does it (zstd.ts). Prototypes are those of zstd.h 1.5, whose
 * stable part has had them since 1.4.
 */
#include <dlfcn.h>
#include <node_api.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* zstd.h */
struct in_buffer {
  const void *src;
  size_t size;
  size_t pos;
};
struct out_buffer {
  void *dst;
  size_t size;
  size_t pos;
};
enum { RESET_SESSION_AND_PARAMETERS = 3, COMPRESSION_LEVEL = 100, CONTENT_SIZE_FLAG = 200, CHECKSUM_FLAG = 201, END = 2 };

struct library {
  void *(*create_compressor)(void);
  size_t (*free_compressor)(void *);
  size_t (*reset)(void *, int);
  size_t (*set)(void *, int, int);
  size_t (*compress)(void *, struct out_buffer *, struct in_buffer *, int);
  void *(*create_decompressor)(void);
  size_t (*free_decompressor)(void *);
  size_t (*decompress)(void *, void *, size_t, const void *, size_t);
  unsigned (*is_error)(size_t);
};

/* Of one thread. */
struct contexts {
  struct library zstd;
  void *compressor;
  void *decompressor;
};

static int find(struct library *zstd) {
  struct { void *to; const char *name; } symbols[] = {
      {&zstd->create_compressor, "ZSTD_createCCtx"},   {&zstd->free_compressor, "ZSTD_freeCCtx"},
      {&zstd->reset, "ZSTD_CCtx_reset"},               {&zstd->set, "ZSTD_CCtx_setParameter"},
      {&zstd->compress, "ZSTD_compressStream2"},       {&zstd->create_decompressor, "ZSTD_createDCtx"},
      {&zstd->free_decompressor, "ZSTD_freeDCtx"},     {&zstd->decompress, "ZSTD_decompressDCtx"},
      {&zstd->is_error, "ZSTD_isError"},
  };
  for (size_t at = 0; at < sizeof(symbols) / sizeof(symbols[0]); at++) {
    void *symbol = dlsym(RTLD_DEFAULT, symbols[at].name);
    if (symbol == NULL) return 0;
    *(void **)symbols[at].to = symbol;
  }
  return 1;
}

static void finalise(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct contexts *own = data;
  if (own->compressor != NULL) own->zstd.free_compressor(own->compressor);
  if (own->decompressor != NULL) own->zstd.free_decompressor(own->decompressor);
  free(own);
}

static napi_value number(napi_env env, int64_t value) {
  napi_value out;
  napi_create_int64(env, value, &out);
  return out;
}

struct views {
  uint8_t *out;
  size_t room;
  uint8_t *in;
  size_t length;
  int32_t level;
};

/* (out, bytes, level?) */
static struct contexts *arguments(napi_env env, napi_callback_info info, struct views *views) {
  size_t count = 3;
  napi_value args[3];
  void *data = NULL;
  napi_get_cb_info(env, info, &count, args, NULL, &data);
  napi_get_typedarray_info(env, args[0], NULL, &views->room, (void **)&views->out, NULL, NULL);
  napi_get_typedarray_info(env, args[1], NULL, &views->length, (void **)&views->in, NULL, NULL);
  if (count > 2) napi_get_value_int32(env, args[2], &views->level);
  return data;
}

/* decompress(out, bytes): how many bytes came out; -1: it is none, or has more than there is room for. */
static napi_value decompress(napi_env env, napi_callback_info info) {
  struct views views = {0};
  struct contexts *own = arguments(env, info, &views);
  if (own->decompressor == NULL) own->decompressor = own->zstd.create_decompressor();
  if (own->decompressor == NULL) return number(env, -1);
  size_t result = own->zstd.decompress(own->decompressor, views.out, views.room, views.in, views.length);
  return number(env, own->zstd.is_error(result) ? -1 : (int64_t)result);
}

/* compress(out, bytes, level): how many bytes came out; -1: there is not enough room. No size and no checksum in it. */
static napi_value compress(napi_env env, napi_callback_info info) {
  struct views views = {0};
  struct contexts *own = arguments(env, info, &views);
  struct library *zstd = &own->zstd;
  if (own->compressor == NULL) own->compressor = zstd->create_compressor();
  if (own->compressor == NULL) return number(env, -1);
  zstd->reset(own->compressor, RESET_SESSION_AND_PARAMETERS);
  if (zstd->is_error(zstd->set(own->compressor, COMPRESSION_LEVEL, views.level)) ||
      zstd->is_error(zstd->set(own->compressor, CONTENT_SIZE_FLAG, 0)) ||
      zstd->is_error(zstd->set(own->compressor, CHECKSUM_FLAG, 0))) return number(env, -1);
  struct out_buffer out = {views.out, views.room, 0};
  struct in_buffer in = {views.in, views.length, 0};
  size_t left = zstd->compress(own->compressor, &out, &in, END);
  return number(env, left == 0 ? (int64_t)out.pos : -1);
}

static napi_value initialise(napi_env env, napi_value exports) {
  struct contexts *own = calloc(1, sizeof(*own));
  if (own == NULL || !find(&own->zstd)) {
    free(own);
    return exports;
  }
  napi_set_instance_data(env, own, finalise, NULL);
  napi_value function;
  napi_create_function(env, "decompress", NAPI_AUTO_LENGTH, decompress, own, &function);
  napi_set_named_property(env, exports, "decompress", function);
  napi_create_function(env, "compress", NAPI_AUTO_LENGTH, compress, own, &function);
  napi_set_named_property(env, exports, "compress", function);
  return exports;
}

NAPI_MODULE(zstd, initialise)
