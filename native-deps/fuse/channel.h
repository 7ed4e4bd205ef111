/*
 * One connection to the kernel: the descriptor of /dev/fuse, polled on the event loop, with the buffers that requests
 * are read into and the arena that replies are written from. Buffers belong to JavaScript and are pinned by reference.
 */
#ifndef VAULTFS_FUSE_CHANNEL_H
#define VAULTFS_FUSE_CHANNEL_H

#include "counts.h"
#include "notify.h"

#include <node_api.h>
#include <stdatomic.h>
#include <uv.h>

#define CHANNEL_BUFFERS_MAX 64
/* A slot of the arena: number to count once the reply is taken (8 bytes), result (4), unused (4), then the reply. */
#define SLOT_BYTES 512
#define SLOT_RESULT 8
#define SLOT_REPLY 16
/* Forgets are handled without returning to JavaScript, but not for ever. */
#define FORGETS_MAX 4096

struct channel {
  uv_poll_t poll; /* first: its handle's data is the channel */
  napi_env env;
  napi_ref on_readable;
  napi_ref self;
  napi_ref arena_reference;
  napi_ref buffer_references[CHANNEL_BUFFERS_MAX];
  napi_async_cleanup_hook_handle cleanup;
  atomic_int holders; /* JavaScript's object, the poll handle, the notify thread */
  int fd;
  int closing;
  uint8_t *arena;
  size_t arena_slots;
  uint8_t *buffers[CHANNEL_BUFFERS_MAX];
  size_t buffer_bytes[CHANNEL_BUFFERS_MAX];
  size_t buffer_count;
  struct counts counts;
  struct notifier notifier;
};

/* openChannel(fd, arena, onReadable): an object with the channel's methods, or -errno. */
napi_value channel_open(napi_env env, napi_callback_info info);

#endif
