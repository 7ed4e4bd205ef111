/*
 * SHA-256 of two messages of one length at a time. One alone leaves the processor waiting: each of its instructions needs
 * what the last one gave. Two take hardly longer than one.
 */
#ifndef VAULTFS_SEALING_PAIR_HASH_H
#define VAULTFS_SEALING_PAIR_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Whether this processor has the instructions; without them OpenSSL does one after the other. */
int pair_hash_available(void);

/* 32 bytes each to `out[0]` and `out[1]`. */
void pair_hash(const uint8_t *const messages[2], size_t length, uint8_t *const out[2]);

#endif
