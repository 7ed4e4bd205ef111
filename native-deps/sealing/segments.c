#include "segments.h"

#include <string.h>

#define NONCE_BYTES 12
#define SEALED_BYTES (SEGMENT_BYTES + TAG_BYTES)

static const uint8_t zeros[KEY_BYTES];

int segments_open(struct segments *segments) {
  if (!library_find(&segments->library)) return 0;
  const struct library *library = &segments->library;
  segments->cipher = library->cipher_new();
  segments->block = library->cipher_new();
  segments->digest = library->digest_new();
  if (segments->cipher != NULL && segments->block != NULL && segments->digest != NULL &&
      library->cipher_init(segments->block, library->chacha20(), NULL, zeros, zeros, 1) == 1 &&
      library->cipher_init(segments->cipher, library->chacha20_poly1305(), NULL, zeros, zeros, 1) == 1 &&
      library->digest_init(segments->digest, library->sha256(), NULL) == 1) return 1;
  segments_close(segments);
  return 0;
}

void segments_close(struct segments *segments) {
  if (segments->cipher != NULL) segments->library.cipher_free(segments->cipher);
  if (segments->block != NULL) segments->library.cipher_free(segments->block);
  if (segments->digest != NULL) segments->library.digest_free(segments->digest);
  segments->cipher = segments->block = segments->digest = NULL;
}

/* XChaCha20-Poly1305's nonce without the 16 bytes that the subkey was made with, behind the four zeros of the draft. */
static void nonce_of(uint8_t nonce[NONCE_BYTES], const struct run *run, uint32_t number, int is_last) {
  memset(nonce, 0, NONCE_BYTES);
  uint32_t segment = run->first + number;
  for (int at = 0; at < 4; at++) nonce[7 + at] = (uint8_t)(segment >> (24 - 8 * at));
  nonce[11] = is_last ? 1 : 0;
}

static int hash(const struct segments *segments, const uint8_t *bytes, size_t length, uint8_t *out) {
  const struct library *library = &segments->library;
  return library->digest_init(segments->digest, NULL, NULL) == 1 &&
         library->digest_update(segments->digest, bytes, length) == 1 &&
         library->digest_final(segments->digest, out, NULL) == 1;
}

/* One segment, but for its tag. The key was set before. */
static int apply(const struct segments *segments, const struct run *run, const uint8_t *nonce, const uint8_t *in, size_t length, uint8_t *out) {
  const struct library *library = &segments->library;
  int done;
  return library->cipher_init(segments->cipher, NULL, NULL, NULL, nonce, -1) == 1 &&
         library->cipher_update(segments->cipher, NULL, &done, run->header, (int)run->header_bytes) == 1 &&
         library->cipher_update(segments->cipher, out, &done, in, (int)length) == 1;
}

/* Keys the context with the blob's subkey. */
static int begin(const struct segments *segments, const struct run *run, int seals) {
  uint8_t subkey[KEY_BYTES];
  int result = subkey_of_zero_nonce(&segments->library, segments->block, subkey, run->key) &&
               segments->library.cipher_init(segments->cipher, NULL, NULL, subkey, zeros, seals) == 1;
  segments->library.cleanse(subkey, sizeof(subkey));
  return result;
}

/* Another key over the blob's, and over the key of the last tag, which the first bytes that are authenticated bring. */
static void forget(const struct segments *segments) {
  const struct library *library = &segments->library;
  int done;
  library->cipher_init(segments->cipher, NULL, NULL, zeros, zeros, 1);
  library->cipher_update(segments->cipher, NULL, &done, zeros, 1);
  library->cipher_init(segments->block, NULL, NULL, zeros, zeros, 1);
}

static size_t count_of(const struct run *run) {
  return (run->plain_bytes + SEGMENT_BYTES - 1) / SEGMENT_BYTES;
}

static size_t length_of(const struct run *run, size_t number) {
  size_t start = number * SEGMENT_BYTES;
  return run->plain_bytes - start < SEGMENT_BYTES ? run->plain_bytes - start : SEGMENT_BYTES;
}

static int seal(const struct segments *segments, const struct run *run, size_t number, const uint8_t *plain, uint8_t *sealed) {
  const struct library *library = &segments->library;
  size_t length = length_of(run, number);
  uint8_t nonce[NONCE_BYTES];
  int done;
  nonce_of(nonce, run, (uint32_t)number, run->is_end && number == count_of(run) - 1);
  return apply(segments, run, nonce, plain, length, sealed) &&
         library->cipher_final(segments->cipher, sealed + length, &done) == 1 &&
         library->cipher_ctrl(segments->cipher, CTRL_GET_TAG, TAG_BYTES, sealed + length) == 1;
}

int64_t segments_seal(struct segments *segments, const struct run *run, const uint8_t *plain, uint8_t *out, uint8_t *table) {
  size_t count = count_of(run);
  int well = begin(segments, run, 1);
  for (size_t number = 0; well && number < count; number++) {
    uint8_t *sealed = out + number * SEALED_BYTES;
    well = seal(segments, run, number, plain + number * SEGMENT_BYTES, sealed) &&
           hash(segments, sealed, length_of(run, number) + TAG_BYTES, table + number * HASH_BYTES);
  }
  forget(segments);
  return well ? RUN_WELL : RUN_FAILED;
}

static int unseal(const struct segments *segments, const struct run *run, size_t number, const uint8_t *sealed, uint8_t *out) {
  const struct library *library = &segments->library;
  size_t length = length_of(run, number);
  uint8_t nonce[NONCE_BYTES], tag[TAG_BYTES];
  int done;
  nonce_of(nonce, run, (uint32_t)number, run->is_end && number == count_of(run) - 1);
  memcpy(tag, sealed + length, TAG_BYTES);
  return apply(segments, run, nonce, sealed, length, out) &&
         library->cipher_ctrl(segments->cipher, CTRL_SET_TAG, TAG_BYTES, tag) == 1 &&
         library->cipher_final(segments->cipher, out + length, &done) == 1;
}

int64_t segments_unseal(struct segments *segments, const struct run *run, const uint8_t *sealed, const uint8_t *table, uint8_t *out) {
  size_t count = count_of(run);
  int64_t result = begin(segments, run, 0) ? RUN_WELL : RUN_FAILED;
  for (size_t number = 0; result == RUN_WELL && number < count; number++) {
    uint8_t found[HASH_BYTES];
    const uint8_t *segment = sealed + number * SEALED_BYTES;
    if (!hash(segments, segment, length_of(run, number) + TAG_BYTES, found)) result = RUN_FAILED;
    else if (segments->library.compare(found, table + number * HASH_BYTES, HASH_BYTES) != 0) result = (int64_t)(2 * number);
    else if (!unseal(segments, run, number, segment, out + number * SEGMENT_BYTES)) result = (int64_t)(2 * number) + 1;
  }
  /* OpenSSL decrypts before it has looked at the tag. */
  if (result != RUN_WELL) {
    size_t good = result < 0 ? 0 : (size_t)(result / 2);
    memset(out + good * SEGMENT_BYTES, 0, run->plain_bytes - good * SEGMENT_BYTES);
  }
  forget(segments);
  return result;
}
