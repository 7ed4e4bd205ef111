/*
 * HChaCha20 of draft-irtf-cfrg-xchacha-03, §2.2: the key of ChaCha20-Poly1305 under which XChaCha20-Poly1305 does the rest.
 * It depends on the first 16 bytes of the nonce only, and those are zeros in all of ours: one for each blob.
 */
#ifndef VAULTFS_SEALING_SUBKEY_H
#define VAULTFS_SEALING_SUBKEY_H

#include <stdint.h>

#include "library.h"

#define KEY_BYTES 32

/* 0: OpenSSL refused. `block`: a context of ChaCha20, which has the key afterwards. The caller wipes `out`. */
int subkey_of_zero_nonce(const struct library *library, void *block, uint8_t out[KEY_BYTES], const uint8_t key[KEY_BYTES]);

#endif
