/* Segments of a blob of suite 1 (FORMAT §4.4), a run of them at a time. */
#ifndef VAULTFS_SEALING_SEGMENTS_H
#define VAULTFS_SEALING_SEGMENTS_H

#include "library.h"
#include "subkey.h"

#define SEGMENT_BYTES 65536
#define TAG_BYTES 16
#define HASH_BYTES 32

/* Of one thread. */
struct segments {
  struct library library;
  void *cipher;
  /* Of ChaCha20 alone, for the blob's subkey. */
  void *block;
  void *digest;
};

/* Neighbouring segments; all but the last one of a blob are SEGMENT_BYTES long. */
struct run {
  const uint8_t *key;
  const uint8_t *header;
  size_t header_bytes;
  /* Number of the first one. */
  uint32_t first;
  /* Bytes of plaintext in all of them. */
  size_t plain_bytes;
  /* Whether they end where the blob ends. */
  int is_end;
};

enum { RUN_WELL = -1, RUN_FAILED = -2 };

/* 0: no memory, or OpenSSL has been told not to offer these algorithms. */
int segments_open(struct segments *segments);
void segments_close(struct segments *segments);

/* RUN_WELL or RUN_FAILED. `out` takes TAG_BYTES more for each segment, `table` HASH_BYTES for each. */
int64_t segments_seal(struct segments *segments, const struct run *run, const uint8_t *plain, uint8_t *out, uint8_t *table);

/*
 * RUN_WELL; or the first segment's place in the run that is not what it should be, twice, and one more when it is what
 * the table says and does not open; or RUN_FAILED. `out` is zeros then from that segment on.
 */
int64_t segments_unseal(struct segments *segments, const struct run *run, const uint8_t *sealed, const uint8_t *table, uint8_t *out);

#endif
