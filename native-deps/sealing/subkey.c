#include "subkey.h"

#include <string.h>

static uint32_t load(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void store(uint8_t *bytes, uint32_t word) {
  for (int at = 0; at < 4; at++) bytes[at] = (uint8_t)(word >> (8 * at));
}

static uint32_t rotate(uint32_t word, int by) {
  return word << by | word >> (32 - by);
}

static void quarter(uint32_t *state, int a, int b, int c, int d) {
  state[a] += state[b], state[d] = rotate(state[d] ^ state[a], 16);
  state[c] += state[d], state[b] = rotate(state[b] ^ state[c], 12);
  state[a] += state[b], state[d] = rotate(state[d] ^ state[a], 8);
  state[c] += state[d], state[b] = rotate(state[b] ^ state[c], 7);
}

void subkey_of_zero_nonce(uint8_t out[KEY_BYTES], const uint8_t key[KEY_BYTES]) {
  /* "expand 32-byte k", the key, the nonce. */
  uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (int at = 0; at < 8; at++) state[4 + at] = load(key + 4 * at);
  for (int round = 0; round < 20; round += 2) {
    for (int at = 0; at < 4; at++) quarter(state, at, 4 + at, 8 + at, 12 + at);
    for (int at = 0; at < 4; at++) quarter(state, at, 4 + (at + 1) % 4, 8 + (at + 2) % 4, 12 + (at + 3) % 4);
  }
  for (int at = 0; at < 4; at++) {
    store(out + 4 * at, state[at]);
    store(out + 16 + 4 * at, state[12 + at]);
  }
  /* The rounds can be undone: who had the state had the key. */
  volatile uint32_t *gone = state;
  for (int at = 0; at < 16; at++) gone[at] = 0;
}
