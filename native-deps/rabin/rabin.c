/*
 * Where the next chunk ends: Rabin's rolling hash over a window of 64 bytes, the same cuts as rabin-native's. Each step
 * of the hash waits for the one before it, so one search leaves most of the processor idle: four searches run side by
 * side over neighbouring stretches. No state between calls; the tables belong to the caller (rabin.ts).
 */
#include <node_api.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW 64
#define DEGREE 53
#define LANES 4
/* Ends that one lane looks at before the lanes move on: what lies behind a cut was looked at for nothing. */
#define STRETCH 8192
#define NONE SIZE_MAX

struct tables {
  uint64_t mod[256];
  uint64_t out[256];
};

static inline uint64_t append(const struct tables *t, uint64_t digest, uint8_t in) {
  return ((digest << 8) | in) ^ t->mod[digest >> (DEGREE - 8)];
}

static inline uint64_t slide(const struct tables *t, uint64_t digest, const uint8_t *end) {
  return append(t, digest ^ t->out[end[-1 - WINDOW]], end[-1]);
}

/* Of the 64 bytes before `end`. */
static uint64_t window_digest(const struct tables *t, const uint8_t *end) {
  uint64_t digest = 0;
  for (int at = -WINDOW; at < 0; at++) digest = append(t, digest, end[at]);
  return digest;
}

/* The first of `count` ends from `first` on that is a cut, by one search. */
static size_t find_one(const struct tables *t, const uint8_t *first, size_t count, uint64_t mask) {
  uint64_t digest = window_digest(t, first);
  for (size_t at = 0;;) {
    if ((digest & mask) == 0) return at;
    if (++at >= count) return NONE;
    digest = slide(t, digest, first + at);
  }
}

/* The same over LANES * STRETCH ends. */
static size_t find_side_by_side(const struct tables *t, const uint8_t *first, uint64_t mask) {
  const uint8_t *a = first, *b = a + STRETCH, *c = b + STRETCH, *d = c + STRETCH;
  uint64_t da = window_digest(t, a), db = window_digest(t, b), dc = window_digest(t, c), dd = window_digest(t, d);
  size_t hits[LANES] = {NONE, NONE, NONE, NONE};
  for (size_t at = 0;;) {
    if (__builtin_expect(!(da & mask) || !(db & mask) || !(dc & mask) || !(dd & mask), 0)) {
      /* Nothing in the other lanes comes before a cut in the first. */
      if (!(da & mask)) return at;
      if (!(db & mask) && hits[1] == NONE) hits[1] = at;
      if (!(dc & mask) && hits[2] == NONE) hits[2] = at;
      if (!(dd & mask) && hits[3] == NONE) hits[3] = at;
    }
    if (++at >= STRETCH) break;
    da = slide(t, da, a + at);
    db = slide(t, db, b + at);
    dc = slide(t, dc, c + at);
    dd = slide(t, dd, d + at);
  }
  for (size_t lane = 1; lane < LANES; lane++)
    if (hits[lane] != NONE) return lane * STRETCH + hits[lane];
  return NONE;
}

static size_t find(const struct tables *t, const uint8_t *first, size_t count, uint64_t mask) {
  size_t done = 0;
  for (; count - done >= LANES * STRETCH; done += LANES * STRETCH) {
    size_t hit = find_side_by_side(t, first + done, mask);
    if (hit != NONE) return done + hit;
  }
  if (done == count) return NONE;
  size_t hit = find_one(t, first + done, count - done, mask);
  return hit == NONE ? NONE : done + hit;
}

static napi_value refuse(napi_env env, const char *what) {
  napi_throw_error(env, NULL, what);
  return NULL;
}

/*
 * next(tables, bytes, from, until, minimum, maximum, maskBits): length of the chunk that begins at `from`, 0 when no cut
 * lies before `until`. `tables`: 512 64-bit words, 8-byte aligned.
 */
static napi_value rabin_next(napi_env env, napi_callback_info info) {
  napi_value args[7];
  size_t count = 7;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  napi_typedarray_type type;
  void *tables = NULL, *data = NULL;
  size_t tables_length = 0, length = 0;
  if (count != 7 || napi_get_typedarray_info(env, args[0], &type, &tables_length, &tables, NULL, NULL) != napi_ok ||
      type != napi_uint8_array || tables_length < sizeof(struct tables) || (uintptr_t)tables % 8 != 0)
    return refuse(env, "the tables of the rolling hash");
  if (napi_get_typedarray_info(env, args[1], &type, &length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array)
    return refuse(env, "bytes to cut");
  int64_t numbers[5];
  for (int at = 0; at < 5; at++)
    if (napi_get_value_int64(env, args[at + 2], &numbers[at]) != napi_ok || numbers[at] < 0) return refuse(env, "a bound");
  uint64_t from = numbers[0], until = numbers[1], minimum = numbers[2], maximum = numbers[3], bits = numbers[4];
  if (from > until || until > length || minimum < WINDOW || maximum < minimum || bits > DEGREE) return refuse(env, "bounds that can not be");

  uint64_t room = until - from, found = 0;
  if (room >= minimum) {
    uint64_t last = room < maximum ? room : maximum;
    size_t hit = find(tables, (const uint8_t *)data + from + minimum, last - minimum + 1, (UINT64_C(1) << bits) - 1);
    if (hit != NONE) found = minimum + hit;
    else if (room >= maximum) found = maximum;
  }
  napi_value out;
  napi_create_int64(env, (int64_t)found, &out);
  return out;
}

NAPI_MODULE_INIT() {
  napi_value next;
  napi_create_function(env, "next", NAPI_AUTO_LENGTH, rabin_next, NULL, &next);
  napi_set_named_property(env, exports, "next", next);
  return exports;
}
