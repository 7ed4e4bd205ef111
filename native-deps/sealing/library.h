/* What is used of the OpenSSL that Node brings. Prototypes are those of <openssl/evp.h>, which have been so since 1.1. */
#ifndef VAULTFS_SEALING_LIBRARY_H
#define VAULTFS_SEALING_LIBRARY_H

#include <stddef.h>

enum { CTRL_GET_TAG = 0x10, CTRL_SET_TAG = 0x11 };

struct library {
  void *(*cipher_new)(void);
  void (*cipher_free)(void *);
  const void *(*chacha20_poly1305)(void);
  const void *(*chacha20)(void);
  /* The last argument: 1 seals, 0 opens, -1 as before. */
  int (*cipher_init)(void *, const void *, void *, const unsigned char *, const unsigned char *, int);
  int (*cipher_update)(void *, unsigned char *, int *, const unsigned char *, int);
  int (*cipher_final)(void *, unsigned char *, int *);
  int (*cipher_ctrl)(void *, int, int, void *);
  void *(*digest_new)(void);
  void (*digest_free)(void *);
  const void *(*sha256)(void);
  int (*digest_init)(void *, const void *, void *);
  int (*digest_update)(void *, const void *, size_t);
  int (*digest_final)(void *, unsigned char *, unsigned *);
  int (*compare)(const void *, const void *, size_t);
  void (*cleanse)(void *, size_t);
};

/* 0: this Node does not show all of it. */
int library_find(struct library *library);

#endif
