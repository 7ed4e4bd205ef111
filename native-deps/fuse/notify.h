/*
 * Invalidations leave from a thread of their own: the kernel takes inode and directory locks for them, which may be
 * held by a request that waits for our answer. The queue is bounded; who fills it keeps the rest.
 */
#ifndef VAULTFS_FUSE_NOTIFY_H
#define VAULTFS_FUSE_NOTIFY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define NOTIFY_QUEUE_MAX 65536
/* Of pages on their way to the kernel; more are not worth waiting for. */
#define NOTIFY_STORED_BYTES_MAX (4 * 1024 * 1024)

/* Notices with content whose memory is used again: what is taken afresh costs more than the copy. */
#define NOTIFY_SPARE_MAX 4
#define NOTIFY_SPARE_BYTES_MAX (576 * 1024)

struct notice {
  struct notice *next;
  size_t room; /* bytes that `bytes` has */
  size_t length;
  size_t stored; /* bytes of content in it */
  uint8_t bytes[];
};

struct notifier {
  pthread_t thread;
  pthread_mutex_t lock; /* guards everything below */
  pthread_cond_t filled;
  struct notice *first;
  struct notice *last;
  size_t queued;
  size_t stored_bytes; /* of queued stores */
  struct notice *spare;
  size_t spares;
  int started;
  int stopping;
  atomic_uint sent; /* notices that the kernel has acted on, modulo 2^32; not guarded */
};

/* `ended` is called on the thread when it is about to end. */
int notify_open(struct notifier *notifier, int fd, void (*ended)(void *), void *data);
/* The thread may be waiting for a lock: it is told to end, not waited for. */
void notify_stop(struct notifier *notifier);
void notify_free(struct notifier *notifier);
/* 0, -EAGAIN when the queue is full, -ENOMEM, -ENODEV when there is no thread to send it. */
int notify_inode(struct notifier *notifier, uint64_t ino, int64_t offset, int64_t length);
/* `expire`: the name stays, but is asked for again. */
int notify_entry(struct notifier *notifier, uint64_t parent, const uint8_t *name, size_t length, int expire);
/* Content for the kernel's pages of an inode. The bytes are copied. */
int notify_store(struct notifier *notifier, uint64_t ino, uint64_t offset, const uint8_t *bytes, size_t length);

#endif
