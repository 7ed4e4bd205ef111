#include "transfer.h"

#include "arguments.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Whether the request was a FORGET (which has no reply). */
static int forgets(struct channel *channel, const uint8_t *request, size_t length) {
  struct fuse_in_header header;
  memcpy(&header, request, sizeof(header));
  if (header.opcode == FUSE_FORGET) {
    struct fuse_forget_in forget;
    if (length < sizeof(header) + sizeof(forget)) return 1;
    memcpy(&forget, request + sizeof(header), sizeof(forget));
    counts_forget(&channel->counts, header.nodeid, forget.nlookup);
    return 1;
  }
  if (header.opcode != FUSE_BATCH_FORGET) return 0;
  struct fuse_batch_forget_in batch;
  memcpy(&batch, request + sizeof(header), sizeof(batch));
  size_t at = sizeof(header) + sizeof(batch);
  for (uint32_t each = 0; each < batch.count && at + sizeof(struct fuse_forget_one) <= length; each++) {
    struct fuse_forget_one one;
    memcpy(&one, request + at, sizeof(one));
    counts_forget(&channel->counts, one.nodeid, one.nlookup);
    at += sizeof(one);
  }
  return 1;
}

/*
 * read(buffer, spinMicroseconds): the length of one request, or -errno. -EAGAIN: nothing came while it spun.
 * Spinning spares the sleep and the wake-up, which cost more than most requests.
 */
static napi_value transfer_read(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  struct channel *channel = arguments(env, info, args);
  size_t buffer = (size_t)to_int(env, args[0]);
  int64_t spin = (int64_t)to_int(env, args[1]) * 1000;
  if (channel->closing || buffer >= channel->buffer_count) return from_int(env, -ENODEV);
  int64_t until = spin > 0 ? now_ns() + spin : 0;
  for (int forgotten = 0; forgotten < FORGETS_MAX;) {
    ssize_t length = read(channel->fd, channel->buffers[buffer], channel->buffer_bytes[buffer]);
    if (length >= (ssize_t)sizeof(struct fuse_in_header)) {
      if (!forgets(channel, channel->buffers[buffer], (size_t)length)) return from_int(env, (int32_t)length);
      forgotten++;
      continue;
    }
    if (length >= 0) return from_int(env, -EIO);
    /* ENOENT: the request was interrupted before we read it. */
    if (errno == EINTR || errno == ENOENT) continue;
    if (errno != EAGAIN || spin == 0 || now_ns() >= until) return from_int(env, -errno);
  }
  return from_int(env, -EAGAIN);
}

static int send_reply(struct channel *channel, uint8_t *slot, const uint8_t *data, size_t data_length) {
  struct fuse_out_header header;
  memcpy(&header, slot + SLOT_REPLY, sizeof(header));
  struct iovec vectors[2] = {
      {.iov_base = slot + SLOT_REPLY, .iov_len = header.len - data_length},
      {.iov_base = (void *)data, .iov_len = data_length},
  };
  if (header.len < data_length + sizeof(header) || vectors[0].iov_len > SLOT_BYTES - SLOT_REPLY) return -EINVAL;
  ssize_t written;
  do {
    written = writev(channel->fd, vectors, data_length > 0 ? 2 : 1);
  } while (written < 0 && errno == EINTR);
  if (written < 0) return -errno;
  uint64_t ino;
  memcpy(&ino, slot, sizeof(ino));
  if (ino != 0) counts_add(&channel->counts, ino);
  return 0;
}

/* reply(slot): 0 or -errno; -ENOENT when the request is gone: the kernel took no entry and no handle. */
static napi_value transfer_reply(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  struct channel *channel = arguments(env, info, args);
  size_t slot = (size_t)to_int(env, args[0]);
  if (channel->closing || slot >= channel->arena_slots) return from_int(env, -ENODEV);
  return from_int(env, send_reply(channel, channel->arena + slot * SLOT_BYTES, NULL, 0));
}

/* replyAll(count): the first slots, each with its result written into it; answers how many failed. */
static napi_value transfer_reply_all(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  struct channel *channel = arguments(env, info, args);
  size_t count = (size_t)to_int(env, args[0]);
  int32_t failed = 0;
  if (count > channel->arena_slots) return from_int(env, (int32_t)count);
  for (size_t at = 0; at < count; at++) {
    uint8_t *slot = channel->arena + at * SLOT_BYTES;
    int32_t result = channel->closing ? -ENODEV : send_reply(channel, slot, NULL, 0);
    memcpy(slot + SLOT_RESULT, &result, sizeof(result));
    if (result < 0) failed++;
  }
  return from_int(env, failed);
}

/* Every entry of a READDIRPLUS reply that has a node id is a reference, as from a LOOKUP. */
static void count_entries(struct channel *channel, const uint8_t *data, size_t length) {
  size_t at = 0;
  while (at + FUSE_NAME_OFFSET_DIRENTPLUS <= length) {
    struct fuse_direntplus entry;
    memcpy(&entry, data + at, FUSE_NAME_OFFSET_DIRENTPLUS);
    if (entry.entry_out.nodeid != 0) counts_add(&channel->counts, entry.entry_out.nodeid);
    at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + entry.dirent.namelen);
  }
}

/* replyData(slot, bytes, length, areEntries): the slot's header and the first bytes of a buffer, gathered. */
static napi_value transfer_reply_data(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  struct channel *channel = arguments(env, info, args);
  size_t slot = (size_t)to_int(env, args[0]);
  size_t available;
  const uint8_t *data = to_bytes(env, args[1], &available);
  size_t length = (size_t)to_int(env, args[2]);
  if (channel->closing || slot >= channel->arena_slots) return from_int(env, -ENODEV);
  if (length > available) return from_int(env, -EINVAL);
  int result = send_reply(channel, channel->arena + slot * SLOT_BYTES, data, length);
  if (result == 0 && to_bool(env, args[3])) count_entries(channel, data, length);
  return from_int(env, result);
}

void transfer_methods(napi_env env, napi_value object, struct channel *channel) {
  set_function(env, object, "read", transfer_read, channel);
  set_function(env, object, "reply", transfer_reply, channel);
  set_function(env, object, "replyAll", transfer_reply_all, channel);
  set_function(env, object, "replyData", transfer_reply_data, channel);
}
