#include "pair-hash.h"

#ifdef __x86_64__

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define BLOCK_BYTES 64

/* FIPS 180-4, §4.2.2. */
static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* The beginning, §5.3.3, in the order in which the instructions have it: A B E F and C D G H, the last word first. */
static const uint32_t beginning[2][4] __attribute__((aligned(16))) = {
    {0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667}, {0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372}};

int pair_hash_available(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0;
}

typedef __m128i state[2][2];

__attribute__((target("sha,sse4.1,ssse3"))) static void compress(state *both, const uint8_t *first, const uint8_t *second, size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const uint8_t *data[2] = {first, second};
  for (; blocks > 0; blocks--) {
    state now;
    memcpy(now, both, sizeof(now));
    __m128i words[2][4];
#pragma GCC unroll 16
    for (int group = 0; group < 16; group++) {
      const __m128i four = _mm_load_si128((const __m128i *)constants + group);
#pragma GCC unroll 2
      for (int which = 0; which < 2; which++) {
        __m128i *word = words[which];
        if (group < 4) {
          word[group] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)data[which] + group), big_endian);
        } else {
          __m128i sum = _mm_sha256msg1_epu32(word[group & 3], word[(group + 1) & 3]);
          sum = _mm_add_epi32(sum, _mm_alignr_epi8(word[(group + 3) & 3], word[(group + 2) & 3], 4));
          word[group & 3] = _mm_sha256msg2_epu32(sum, word[(group + 3) & 3]);
        }
        const __m128i added = _mm_add_epi32(word[group & 3], four);
        now[which][1] = _mm_sha256rnds2_epu32(now[which][1], now[which][0], added);
        now[which][0] = _mm_sha256rnds2_epu32(now[which][0], now[which][1], _mm_shuffle_epi32(added, 0x0e));
      }
    }
    for (int which = 0; which < 2; which++) {
      for (int half = 0; half < 2; half++) (*both)[which][half] = _mm_add_epi32((*both)[which][half], now[which][half]);
      data[which] += BLOCK_BYTES;
    }
  }
}

static void store(uint8_t *out, uint32_t word) {
  for (int at = 0; at < 4; at++) out[at] = (uint8_t)(word >> (24 - 8 * at));
}

void pair_hash(const uint8_t *const messages[2], size_t length, uint8_t *const out[2]) {
  state both;
  for (int which = 0; which < 2; which++) memcpy(both[which], beginning, sizeof(beginning));
  size_t whole = length / BLOCK_BYTES, rest = length % BLOCK_BYTES;
  compress(&both, messages[0], messages[1], whole);

  uint8_t ends[2][2 * BLOCK_BYTES] = {{0}};
  size_t blocks = rest + 9 > BLOCK_BYTES ? 2 : 1;
  for (int which = 0; which < 2; which++) {
    memcpy(ends[which], messages[which] + whole * BLOCK_BYTES, rest);
    ends[which][rest] = 0x80;
    for (int at = 0; at < 8; at++) ends[which][blocks * BLOCK_BYTES - 1 - at] = (uint8_t)((uint64_t)length * 8 >> (8 * at));
  }
  compress(&both, ends[0], ends[1], blocks);

  for (int which = 0; which < 2; which++) {
    uint32_t words[2][4];
    memcpy(words, both[which], sizeof(words));
    const uint32_t ordered[8] = {words[0][3], words[0][2], words[1][3], words[1][2], words[0][1], words[0][0], words[1][1], words[1][0]};
    for (int at = 0; at < 8; at++) store(out[which] + 4 * at, ordered[at]);
  }
}

#else

int pair_hash_available(void) {
  return 0;
}

void pair_hash(const uint8_t *const messages[2], size_t length, uint8_t *const out[2]) {
  (void)messages;
  (void)length;
  (void)out;
}

#endif
