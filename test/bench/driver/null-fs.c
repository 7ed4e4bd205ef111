/* The least that a filesystem on libfuse 3 can do: one directory of empty files in memory, reads of zeros, writes into
 * nothing. What a mount of ours is measured against (see driver.ts): the kernel's cost, and C's.
 *
 * cc -O2 -o null-fs null-fs.c $(pkg-config --cflags --libs fuse3); null-fs MOUNTPOINT [threads]; ends by umount. */
#define FUSE_USE_VERSION 34
#define _GNU_SOURCE
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <pthread.h>

#define BUCKETS (1 << 18)
#define READ_MAX (1 << 20)

struct node {
  fuse_ino_t ino;
  uint64_t size;
  mode_t mode;
  uint64_t cookie;
  struct node *next; /* of the bucket */
  struct node *before, *after; /* in the order of making */
  char name[];
};

static struct node *by_name[BUCKETS], *first, *last;
static fuse_ino_t next_ino = 2;
static uint64_t next_cookie = 1;
static char zeros[READ_MAX];
static double valid = 1.0;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned hash_of(const char *name) {
  unsigned hash = 2166136261u;
  for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
  return hash & (BUCKETS - 1);
}

/* Inodes are pointers, as many a C filesystem has it. */
static struct node *node_of(fuse_ino_t ino) { return ino == FUSE_ROOT_ID ? NULL : (struct node *)(uintptr_t)ino; }

static void attributes_of(fuse_ino_t ino, struct stat *out) {
  memset(out, 0, sizeof *out);
  struct node *node = node_of(ino);
  out->st_ino = node == NULL ? 1 : node->ino;
  out->st_mode = node == NULL ? S_IFDIR | 0755 : node->mode;
  out->st_nlink = node == NULL ? 2 : 1;
  out->st_uid = getuid();
  out->st_gid = getgid();
  out->st_size = node == NULL ? 0 : (off_t)node->size;
  out->st_blksize = 4096;
}

static struct node *find(const char *name) {
  struct node *node = by_name[hash_of(name)];
  while (node != NULL && strcmp(node->name, name) != 0) node = node->next;
  return node;
}

static void entry_of(struct node *node, struct fuse_entry_param *out) {
  memset(out, 0, sizeof *out);
  out->ino = (fuse_ino_t)(uintptr_t)node;
  out->attr_timeout = out->entry_timeout = valid;
  attributes_of(out->ino, &out->attr);
}

static struct node *make(const char *name, mode_t mode) {
  struct node *node = malloc(sizeof *node + strlen(name) + 1);
  unsigned bucket = hash_of(name);
  *node = (struct node){.ino = next_ino++, .mode = mode, .cookie = next_cookie++, .next = by_name[bucket], .before = last};
  strcpy(node->name, name);
  by_name[bucket] = node;
  if (last != NULL) last->after = node; else first = node;
  last = node;
  return node;
}

static void on_init(void *unused, struct fuse_conn_info *connection) {
  (void)unused;
  connection->want |= connection->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_DIO | FUSE_CAP_HANDLE_KILLPRIV);
  connection->max_write = READ_MAX;
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
  (void)parent;
  struct fuse_entry_param entry;
  pthread_mutex_lock(&lock);
  struct node *node = find(name);
  if (node != NULL) entry_of(node, &entry);
  pthread_mutex_unlock(&lock);
  if (node == NULL) fuse_reply_err(request, ENOENT); else fuse_reply_entry(request, &entry);
}

static void on_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file) {
  (void)file;
  struct stat attributes;
  attributes_of(ino, &attributes);
  fuse_reply_attr(request, &attributes, valid);
}

static void on_setattr(fuse_req_t request, fuse_ino_t ino, struct stat *wanted, int what, struct fuse_file_info *file) {
  struct node *node = node_of(ino);
  if (node != NULL && (what & FUSE_SET_ATTR_SIZE)) node->size = (uint64_t)wanted->st_size;
  if (node != NULL && (what & FUSE_SET_ATTR_MODE)) node->mode = (node->mode & S_IFMT) | (wanted->st_mode & 07777);
  on_getattr(request, ino, file);
}

static void on_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *file) {
  (void)parent;
  struct fuse_entry_param entry;
  pthread_mutex_lock(&lock);
  entry_of(make(name, S_IFREG | (mode & 07777)), &entry);
  pthread_mutex_unlock(&lock);
  file->keep_cache = 1;
  fuse_reply_create(request, &entry, file);
}

/* The node is freed when it is forgotten in a real one; here it stays, as the kernel may ask for it. */
static void on_unlink(fuse_req_t request, fuse_ino_t parent, const char *name) {
  (void)parent;
  pthread_mutex_lock(&lock);
  struct node **at = &by_name[hash_of(name)];
  while (*at != NULL && strcmp((*at)->name, name) != 0) at = &(*at)->next;
  struct node *node = *at;
  if (node != NULL) {
    *at = node->next;
    if (node->before != NULL) node->before->after = node->after; else first = node->after;
    if (node->after != NULL) node->after->before = node->before; else last = node->before;
  }
  pthread_mutex_unlock(&lock);
  fuse_reply_err(request, node == NULL ? ENOENT : 0);
}

static void on_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file) {
  (void)ino;
  file->keep_cache = 1;
  file->noflush = 1;
  fuse_reply_open(request, file);
}

static void on_read(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *file) {
  (void)file;
  uint64_t end = node_of(ino)->size;
  size_t length = (uint64_t)offset >= end ? 0 : end - (uint64_t)offset < size ? end - (uint64_t)offset : size;
  fuse_reply_buf(request, zeros, length > READ_MAX ? READ_MAX : length);
}

static void on_write(fuse_req_t request, fuse_ino_t ino, const char *bytes, size_t size, off_t offset, struct fuse_file_info *file) {
  (void)bytes; (void)file;
  struct node *node = node_of(ino);
  if ((uint64_t)offset + size > node->size) node->size = (uint64_t)offset + size;
  fuse_reply_write(request, size);
}

static void on_release(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file) {
  (void)ino; (void)file;
  fuse_reply_err(request, 0);
}

static void on_fsync(fuse_req_t request, fuse_ino_t ino, int data, struct fuse_file_info *file) {
  (void)data;
  on_release(request, ino, file);
}

static void on_readdirplus(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *file) {
  (void)ino;
  char *buffer = malloc(size);
  size_t used = 0;
  pthread_mutex_lock(&lock);
  /* Where the last answer ended: this directory is listed front to back. */
  struct node *node = offset == 0 ? first : (struct node *)(uintptr_t)file->fh;
  for (; node != NULL; node = node->after) {
    struct fuse_entry_param entry;
    entry_of(node, &entry);
    size_t taken = fuse_add_direntry_plus(request, buffer + used, size - used, node->name, &entry, (off_t)node->cookie);
    if (taken > size - used) break;
    used += taken;
  }
  file->fh = (uint64_t)(uintptr_t)node;
  pthread_mutex_unlock(&lock);
  fuse_reply_buf(request, buffer, used);
  free(buffer);
}

/* A place in the list can't be kept in the handle by an answer: so it is kept beside. */
static uint64_t place;

static void on_readdirplus_placed(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *file) {
  struct fuse_file_info own = *file;
  own.fh = place;
  on_readdirplus(request, ino, size, offset, &own);
  place = own.fh;
}

static void on_opendir(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file) {
  (void)ino;
  fuse_reply_open(request, file);
}

static void on_statfs(fuse_req_t request, fuse_ino_t ino) {
  (void)ino;
  struct statvfs volume = {.f_bsize = 4096, .f_frsize = 4096, .f_blocks = 1 << 22, .f_bfree = 1 << 21, .f_bavail = 1 << 21, .f_files = 1 << 20, .f_ffree = 1 << 19, .f_namemax = 255};
  fuse_reply_statfs(request, &volume);
}

static const struct fuse_lowlevel_ops operations = {
  .init = on_init, .lookup = on_lookup, .getattr = on_getattr, .setattr = on_setattr, .create = on_create, .unlink = on_unlink,
  .open = on_open, .read = on_read, .write = on_write, .release = on_release, .fsync = on_fsync, .opendir = on_opendir,
  .readdirplus = on_readdirplus_placed, .releasedir = on_release, .statfs = on_statfs,
};

int main(int count, char **words) {
  char *arguments[] = {words[0], "-o", "fsname=null-fs,allow_other,default_permissions"};
  struct fuse_args args = FUSE_ARGS_INIT(3, arguments);
  struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
  if (count < 2 || session == NULL || fuse_session_mount(session, words[1]) != 0) return 1;
  int outcome;
  if (count > 2) {
    struct fuse_loop_config config = {.clone_fd = 0, .max_idle_threads = 4};
    outcome = fuse_session_loop_mt(session, &config);
  } else {
    outcome = fuse_session_loop(session);
  }
  fuse_session_unmount(session);
  return outcome < 0 ? 1 : 0;
}
