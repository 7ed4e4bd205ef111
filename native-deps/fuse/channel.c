#include "channel.h"

#include "arguments.h"
#include "transfer.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FUSE_NOTIFY_RESEND of 7.40; older headers do not name it. */
#define NOTIFY_RESEND 7

static void let_go(void *data) {
  struct channel *channel = data;
  if (atomic_fetch_sub(&channel->holders, 1) != 1) return;
  close(channel->fd);
  counts_close(&channel->counts);
  notify_free(&channel->notifier);
  free(channel);
}

static void readable(uv_poll_t *poll, int status, int events) {
  (void)status; /* an error shows as ENODEV when it is read */
  (void)events;
  struct channel *channel = (struct channel *)poll;
  napi_env env = channel->env;
  napi_handle_scope scope;
  if (channel->closing || napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value function, self, result;
  napi_get_reference_value(env, channel->on_readable, &function);
  napi_get_reference_value(env, channel->self, &self);
  /* make_callback, not call_function: promises that the handler settled go on before the loop does. */
  if (napi_make_callback(env, NULL, self, function, 0, NULL, &result) == napi_pending_exception) {
    napi_value error;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

static void poll_closed(uv_handle_t *handle) {
  struct channel *channel = (struct channel *)handle;
  if (channel->cleanup != NULL) napi_remove_async_cleanup_hook(channel->cleanup);
  let_go(channel);
}

static void shut(struct channel *channel) {
  if (channel->closing) return;
  channel->closing = 1;
  uv_poll_stop(&channel->poll);
  uv_close((uv_handle_t *)&channel->poll, poll_closed);
  notify_stop(&channel->notifier);
}

static void environment_ends(napi_async_cleanup_hook_handle handle, void *data) {
  struct channel *channel = data;
  channel->cleanup = handle;
  if (channel->closing) return;
  shut(channel);
}

static void finalise(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  let_go(data);
}

/* close(): idempotent; the descriptor itself closes when the notify thread has let go too. */
static napi_value channel_close(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  struct channel *channel = arguments(env, info, args);
  if (!channel->closing) {
    shut(channel);
    napi_delete_reference(env, channel->on_readable);
    napi_delete_reference(env, channel->self);
    napi_delete_reference(env, channel->arena_reference);
    for (size_t at = 0; at < channel->buffer_count; at++) napi_delete_reference(env, channel->buffer_references[at]);
    channel->buffer_count = 0;
  }
  return undefined_value(env);
}

/* addBuffer(bytes): its index, or -1 when there are too many. */
static napi_value channel_add_buffer(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  struct channel *channel = arguments(env, info, args);
  size_t at = channel->buffer_count;
  if (at == CHANNEL_BUFFERS_MAX || channel->closing) return from_int(env, -1);
  channel->buffers[at] = to_bytes(env, args[0], &channel->buffer_bytes[at]);
  napi_create_reference(env, args[0], 1, &channel->buffer_references[at]);
  channel->buffer_count++;
  return from_int(env, (int32_t)at);
}

/* setPolling(on): off while no buffer is free. */
static napi_value channel_set_polling(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  struct channel *channel = arguments(env, info, args);
  if (channel->closing) return undefined_value(env);
  if (to_bool(env, args[0])) uv_poll_start(&channel->poll, UV_READABLE | UV_DISCONNECT, readable);
  else uv_poll_stop(&channel->poll);
  return undefined_value(env);
}

static napi_value channel_watch(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX], out;
  struct channel *channel = arguments(env, info, args);
  napi_get_boolean(env, counts_watch(&channel->counts, to_long(env, args[0])), &out);
  return out;
}

/* takeForgotten(): an array of numbers, or undefined. */
static napi_value channel_take_forgotten(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX], array, number;
  struct channel *channel = arguments(env, info, args);
  struct counts *counts = &channel->counts;
  if (counts->forgotten_used == 0) return undefined_value(env);
  napi_create_array_with_length(env, counts->forgotten_used, &array);
  for (size_t at = 0; at < counts->forgotten_used; at++) {
    napi_create_double(env, (double)counts->forgotten[at], &number);
    napi_set_element(env, array, (uint32_t)at, number);
  }
  counts->forgotten_used = 0;
  return array;
}

static napi_value channel_invalidate_inode(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  struct channel *channel = arguments(env, info, args);
  return from_int(env, notify_inode(&channel->notifier, to_long(env, args[0]), (int64_t)to_long(env, args[1]),
                                    (int64_t)to_long(env, args[2])));
}

static napi_value channel_invalidate_entry(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  struct channel *channel = arguments(env, info, args);
  size_t length;
  uint8_t *name = to_bytes(env, args[1], &length);
  return from_int(env, notify_entry(&channel->notifier, to_long(env, args[0]), name, length, to_bool(env, args[2])));
}

/* storePages(ino, offset, bytes, length) */
static napi_value channel_store_pages(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  struct channel *channel = arguments(env, info, args);
  size_t room;
  uint8_t *bytes = to_bytes(env, args[2], &room);
  size_t length = (size_t)to_long(env, args[3]);
  if (length > room) return from_int(env, -EINVAL);
  return from_int(env, notify_store(&channel->notifier, to_long(env, args[0]), to_long(env, args[1]), bytes, length));
}

/* noticesSent(): how many notices the kernel has acted on, modulo 2^32. */
static napi_value channel_notices_sent(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX], out;
  struct channel *channel = arguments(env, info, args);
  napi_create_uint32(env, atomic_load(&channel->notifier.sent), &out);
  return out;
}

/*
 * inherit(): another process served this connection before. Everything that it had read and not answered comes again,
 * marked FUSE_UNIQUE_RESEND. 0, or a negative errno where the kernel (before 6.9) has no such thing.
 */
static napi_value channel_inherit(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX];
  struct channel *channel = arguments(env, info, args);
  channel->counts.inherited = 1;
  struct fuse_out_header header = {.len = sizeof(header), .error = NOTIFY_RESEND, .unique = 0};
  ssize_t written;
  do {
    written = write(channel->fd, &header, sizeof(header));
  } while (written < 0 && errno == EINTR);
  return from_int(env, written < 0 ? -errno : 0);
}

napi_value channel_open(napi_env env, napi_callback_info info) {
  napi_value args[ARGUMENTS_MAX], object;
  arguments(env, info, args);
  struct channel *channel = calloc(1, sizeof(*channel));
  if (channel == NULL) return from_int(env, -ENOMEM);
  channel->env = env;
  channel->fd = to_int(env, args[0]);
  uv_loop_t *loop;
  napi_get_uv_event_loop(env, &loop);
  int result = counts_open(&channel->counts);
  if (result == 0) result = uv_poll_init(loop, &channel->poll, channel->fd);
  if (result < 0) {
    counts_close(&channel->counts);
    free(channel);
    return from_int(env, result);
  }
  atomic_init(&channel->holders, 3);
  if (notify_open(&channel->notifier, channel->fd, let_go, channel) < 0) atomic_fetch_sub(&channel->holders, 1);

  size_t arena_bytes;
  channel->arena = to_bytes(env, args[1], &arena_bytes);
  channel->arena_slots = arena_bytes / SLOT_BYTES;
  napi_create_object(env, &object);
  napi_wrap(env, object, channel, finalise, NULL, NULL);
  napi_create_reference(env, object, 1, &channel->self);
  napi_create_reference(env, args[1], 1, &channel->arena_reference);
  napi_create_reference(env, args[2], 1, &channel->on_readable);
  napi_add_async_cleanup_hook(env, environment_ends, channel, &channel->cleanup);

  transfer_methods(env, object, channel);
  set_function(env, object, "close", channel_close, channel);
  set_function(env, object, "addBuffer", channel_add_buffer, channel);
  set_function(env, object, "setPolling", channel_set_polling, channel);
  set_function(env, object, "watch", channel_watch, channel);
  set_function(env, object, "inherit", channel_inherit, channel);
  set_function(env, object, "takeForgotten", channel_take_forgotten, channel);
  set_function(env, object, "invalidateInode", channel_invalidate_inode, channel);
  set_function(env, object, "invalidateEntry", channel_invalidate_entry, channel);
  set_function(env, object, "storePages", channel_store_pages, channel);
  set_function(env, object, "noticesSent", channel_notices_sent, channel);
  return object;
}
