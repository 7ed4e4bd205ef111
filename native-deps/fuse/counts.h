/*
 * How many references the kernel holds to each inode number: one for every entry that a reply carried, less what
 * FORGET took back. Open addressing, so that a lookup costs no allocation and a FORGET never enters JavaScript.
 * One thread only: the one that reads and answers requests.
 */
#ifndef VAULTFS_FUSE_COUNTS_H
#define VAULTFS_FUSE_COUNTS_H

#include <stddef.h>
#include <stdint.h>

/* Numbers from 2^52 + 2^51 on are made for as long as the kernel holds them; handler.ts has the same. */
#define COUNTS_REPORTED_MIN (3ull << 51)
#define COUNTS_REFERENCES_MAX UINT32_MAX
#define COUNTS_CAPACITY_MIN 1024

struct count {
  uint64_t ino; /* 0: free */
  /* At COUNTS_REFERENCES_MAX it stays: such an inode is never told forgotten, which costs memory and nothing else. */
  uint32_t references;
  uint32_t watched;
};

struct counts {
  struct count *slots;
  size_t capacity; /* a power of two; a million inodes take 32 MiB, which go back when the kernel forgets them */
  size_t used;
  uint64_t *forgotten; /* watched numbers, and those from COUNTS_REPORTED_MIN on, that dropped to nothing: for JavaScript */
  size_t forgotten_used;
  size_t forgotten_capacity;
  /* Another process served this connection before: what the kernel got from it was never counted here. */
  int inherited;
};

int counts_open(struct counts *counts);
void counts_close(struct counts *counts);
/* 0, or -ENOMEM: then the number stays uncounted and is never reported forgotten. */
int counts_add(struct counts *counts, uint64_t ino);
void counts_forget(struct counts *counts, uint64_t ino, uint64_t references);
/*
 * Whether the kernel holds any reference; then its end will be reported once. Of an inherited connection any number may
 * be held.
 */
int counts_watch(struct counts *counts, uint64_t ino);

#endif
