#include "library.h"

#include <dlfcn.h>

int library_find(struct library *library) {
  struct { void *to; const char *name; } symbols[] = {
      {&library->cipher_new, "EVP_CIPHER_CTX_new"},
      {&library->cipher_free, "EVP_CIPHER_CTX_free"},
      {&library->chacha20_poly1305, "EVP_chacha20_poly1305"},
      {&library->chacha20, "EVP_chacha20"},
      {&library->cipher_init, "EVP_CipherInit_ex"},
      {&library->cipher_update, "EVP_CipherUpdate"},
      {&library->cipher_final, "EVP_CipherFinal_ex"},
      {&library->cipher_ctrl, "EVP_CIPHER_CTX_ctrl"},
      {&library->digest_new, "EVP_MD_CTX_new"},
      {&library->digest_free, "EVP_MD_CTX_free"},
      {&library->sha256, "EVP_sha256"},
      {&library->digest_init, "EVP_DigestInit_ex"},
      {&library->digest_update, "EVP_DigestUpdate"},
      {&library->digest_final, "EVP_DigestFinal_ex"},
      {&library->compare, "CRYPTO_memcmp"},
      {&library->cleanse, "OPENSSL_cleanse"},
  };
  for (size_t at = 0; at < sizeof(symbols) / sizeof(symbols[0]); at++) {
    void *symbol = dlsym(RTLD_DEFAULT, symbols[at].name);
    if (symbol == NULL) return 0;
    *(void **)symbols[at].to = symbol;
  }
  return 1;
}
