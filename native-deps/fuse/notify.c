#include "notify.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct start {
  struct notifier *notifier;
  int fd;
  void (*ended)(void *);
  void *data;
};

static struct notice *take(struct notifier *notifier) {
  pthread_mutex_lock(&notifier->lock);
  while (notifier->first == NULL && !notifier->stopping) pthread_cond_wait(&notifier->filled, &notifier->lock);
  struct notice *notice = notifier->stopping ? NULL : notifier->first;
  if (notice != NULL) {
    notifier->first = notice->next;
    if (notifier->first == NULL) notifier->last = NULL;
    notifier->queued--;
    notifier->stored_bytes -= notice->stored;
  }
  pthread_mutex_unlock(&notifier->lock);
  return notice;
}

static void give_back(struct notifier *notifier, struct notice *notice) {
  int keeps = 0;
  pthread_mutex_lock(&notifier->lock);
  if (notice->stored > 0 && notice->room <= NOTIFY_SPARE_BYTES_MAX && notifier->spares < NOTIFY_SPARE_MAX) {
    notice->next = notifier->spare;
    notifier->spare = notice;
    notifier->spares++;
    keeps = 1;
  }
  pthread_mutex_unlock(&notifier->lock);
  if (!keeps) free(notice);
}

/* One that has room for so much; NULL: none. Smaller ones make way. */
static struct notice *take_spare(struct notifier *notifier, size_t length) {
  pthread_mutex_lock(&notifier->lock);
  struct notice *notice = notifier->spare;
  if (notice != NULL) {
    notifier->spare = notice->next;
    notifier->spares--;
  }
  pthread_mutex_unlock(&notifier->lock);
  if (notice == NULL || notice->room >= length) return notice;
  free(notice);
  return NULL;
}

static void *run(void *argument) {
  struct start start = *(struct start *)argument;
  free(argument);
  struct notice *notice;
  while ((notice = take(start.notifier)) != NULL) {
    /* ENOENT: the kernel does not know the inode or name, so there is nothing to drop. ENODEV: the mount is gone. */
    ssize_t written;
    do {
      written = write(start.fd, notice->bytes, notice->length);
    } while (written < 0 && errno == EINTR);
    give_back(start.notifier, notice);
    atomic_fetch_add(&start.notifier->sent, 1);
  }
  start.ended(start.data);
  return NULL;
}

int notify_open(struct notifier *notifier, int fd, void (*ended)(void *), void *data) {
  pthread_mutex_init(&notifier->lock, NULL);
  pthread_cond_init(&notifier->filled, NULL);
  struct start *start = malloc(sizeof(*start));
  if (start == NULL) return -ENOMEM;
  *start = (struct start){notifier, fd, ended, data};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  int result = pthread_create(&notifier->thread, &attributes, run, start);
  pthread_attr_destroy(&attributes);
  if (result != 0) free(start);
  notifier->started = result == 0;
  return -result;
}

void notify_stop(struct notifier *notifier) {
  pthread_mutex_lock(&notifier->lock);
  notifier->stopping = 1;
  pthread_cond_signal(&notifier->filled);
  pthread_mutex_unlock(&notifier->lock);
}

static void free_all(struct notice *notice) {
  while (notice != NULL) {
    struct notice *next = notice->next;
    free(notice);
    notice = next;
  }
}

void notify_free(struct notifier *notifier) {
  free_all(notifier->first);
  free_all(notifier->spare);
  notifier->first = notifier->spare = NULL;
  pthread_cond_destroy(&notifier->filled);
  pthread_mutex_destroy(&notifier->lock);
}

static struct notice *make(struct notifier *notifier, int code, size_t body, size_t content) {
  size_t length = sizeof(struct fuse_out_header) + body + content;
  struct notice *notice = content > 0 ? take_spare(notifier, length) : NULL;
  size_t room = notice != NULL ? notice->room : length;
  if (notice == NULL) notice = malloc(sizeof(*notice) + length);
  if (notice == NULL) return NULL;
  memset(notice, 0, sizeof(*notice) + sizeof(struct fuse_out_header) + body);
  notice->room = room;
  notice->length = length;
  notice->stored = content;
  struct fuse_out_header header = {.len = (uint32_t)length, .error = code, .unique = 0};
  memcpy(notice->bytes, &header, sizeof(header));
  return notice;
}

static int push(struct notifier *notifier, struct notice *notice) {
  if (!notifier->started) {
    free(notice);
    return -ENODEV;
  }
  pthread_mutex_lock(&notifier->lock);
  int full = notifier->queued >= NOTIFY_QUEUE_MAX || (notice->stored > 0 && notifier->stored_bytes >= NOTIFY_STORED_BYTES_MAX);
  if (!full) {
    if (notifier->last != NULL) notifier->last->next = notice;
    else notifier->first = notice;
    notifier->last = notice;
    notifier->queued++;
    notifier->stored_bytes += notice->stored;
    pthread_cond_signal(&notifier->filled);
  }
  pthread_mutex_unlock(&notifier->lock);
  if (full) free(notice);
  return full ? -EAGAIN : 0;
}

int notify_inode(struct notifier *notifier, uint64_t ino, int64_t offset, int64_t length) {
  struct fuse_notify_inval_inode_out body = {.ino = ino, .off = offset, .len = length};
  struct notice *notice = make(notifier, FUSE_NOTIFY_INVAL_INODE, sizeof(body), 0);
  if (notice == NULL) return -ENOMEM;
  memcpy(notice->bytes + sizeof(struct fuse_out_header), &body, sizeof(body));
  return push(notifier, notice);
}

int notify_entry(struct notifier *notifier, uint64_t parent, const uint8_t *name, size_t length, int expire) {
  struct fuse_notify_inval_entry_out body = {.parent = parent, .namelen = (uint32_t)length};
  /* The name is followed by a zero byte that namelen does not count. */
  struct notice *notice = make(notifier, FUSE_NOTIFY_INVAL_ENTRY, sizeof(body) + length + 1, 0);
  if (notice == NULL) return -ENOMEM;
  uint8_t *at = notice->bytes + sizeof(struct fuse_out_header);
  memcpy(at, &body, sizeof(body));
  /* FUSE_EXPIRE_ONLY of 7.38 is a flag where older headers have padding. */
  uint32_t flags = expire ? 1 : 0;
  memcpy(at + sizeof(body) - sizeof(flags), &flags, sizeof(flags));
  memcpy(at + sizeof(body), name, length);
  return push(notifier, notice);
}

int notify_store(struct notifier *notifier, uint64_t ino, uint64_t offset, const uint8_t *bytes, size_t length) {
  struct fuse_notify_store_out body = {.nodeid = ino, .offset = offset, .size = (uint32_t)length};
  struct notice *notice = make(notifier, FUSE_NOTIFY_STORE, sizeof(body), length);
  if (notice == NULL) return -ENOMEM;
  uint8_t *at = notice->bytes + sizeof(struct fuse_out_header);
  memcpy(at, &body, sizeof(body));
  memcpy(at + sizeof(body), bytes, length);
  return push(notifier, notice);
}
