#include "subkey.h"

#include <string.h>

#define BLOCK_BYTES 64

/* "expand 32-byte k", RFC 8439 §2.3. */
static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

static uint32_t load(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void store(uint8_t *bytes, uint32_t word) {
  for (int at = 0; at < 4; at++) bytes[at] = (uint8_t)(word >> (8 * at));
}

/*
 * HChaCha20 is ChaCha20's block without the last step, which adds the state that the rounds began with; of it, the first
 * four words and the last four. So OpenSSL's block is taken, and what was added to these is taken off again: the
 * constants; of counter and nonce, which are zeros, nothing.
 */
int subkey_of_zero_nonce(const struct library *library, void *block, uint8_t out[KEY_BYTES], const uint8_t key[KEY_BYTES]) {
  static const uint8_t zeros[BLOCK_BYTES];
  uint8_t stream[BLOCK_BYTES];
  int done;
  int result = library->cipher_init(block, NULL, NULL, key, zeros, 1) == 1 &&
               library->cipher_update(block, stream, &done, zeros, BLOCK_BYTES) == 1;
  for (int at = 0; at < 4; at++) store(out + 4 * at, load(stream + 4 * at) - constants[at]);
  memcpy(out + 16, stream + 48, 16);
  library->cleanse(stream, sizeof(stream));
  return result;
}
