#include "counts.h"

#include <errno.h>
#include <stdlib.h>

static size_t home(const struct counts *counts, uint64_t ino) {
  return (size_t)((ino * 0x9e3779b97f4a7c15ull) >> 20) & (counts->capacity - 1);
}

static struct count *find(const struct counts *counts, uint64_t ino) {
  size_t at = home(counts, ino);
  while (counts->slots[at].ino != 0 && counts->slots[at].ino != ino) at = (at + 1) & (counts->capacity - 1);
  return &counts->slots[at];
}

int counts_open(struct counts *counts) {
  counts->capacity = COUNTS_CAPACITY_MIN;
  counts->slots = calloc(counts->capacity, sizeof(struct count));
  return counts->slots == NULL ? -ENOMEM : 0;
}

void counts_close(struct counts *counts) {
  free(counts->slots);
  free(counts->forgotten);
}

static int resize(struct counts *counts, size_t capacity) {
  struct count *old = counts->slots;
  size_t old_capacity = counts->capacity;
  struct count *slots = calloc(capacity, sizeof(struct count));
  if (slots == NULL) return -ENOMEM;
  counts->slots = slots;
  counts->capacity = capacity;
  for (size_t at = 0; at < old_capacity; at++) {
    if (old[at].ino != 0) *find(counts, old[at].ino) = old[at];
  }
  free(old);
  return 0;
}

int counts_add(struct counts *counts, uint64_t ino) {
  struct count *slot = find(counts, ino);
  if (slot->ino == 0) {
    if (counts->used + 1 > counts->capacity / 10 * 7) {
      /* A table without a free slot would make find() run for ever: one is always kept. */
      if (resize(counts, counts->capacity * 2) < 0 && counts->used + 2 > counts->capacity) return -ENOMEM;
      slot = find(counts, ino);
    }
    slot->ino = ino;
    slot->references = 0;
    slot->watched = 0;
    counts->used++;
  }
  if (slot->references < COUNTS_REFERENCES_MAX) slot->references++;
  return 0;
}

/* Closes the gap, so that no probe sequence is cut. */
static void drop(struct counts *counts, struct count *slot) {
  size_t mask = counts->capacity - 1;
  size_t gap = (size_t)(slot - counts->slots);
  for (size_t at = (gap + 1) & mask; counts->slots[at].ino != 0; at = (at + 1) & mask) {
    size_t wanted = home(counts, counts->slots[at].ino);
    if (((at - wanted) & mask) >= ((at - gap) & mask)) {
      counts->slots[gap] = counts->slots[at];
      gap = at;
    }
  }
  counts->slots[gap] = (struct count){0};
  counts->used--;
  /* Far from where it grows, so that it does not swing; without memory for a smaller one it stays as it is. */
  if (counts->capacity > COUNTS_CAPACITY_MIN && counts->used < counts->capacity / 8) (void)resize(counts, counts->capacity / 4);
}

static void report(struct counts *counts, uint64_t ino) {
  if (counts->forgotten_used == counts->forgotten_capacity) {
    size_t capacity = counts->forgotten_capacity == 0 ? 64 : counts->forgotten_capacity * 2;
    uint64_t *larger = realloc(counts->forgotten, capacity * sizeof(uint64_t));
    if (larger == NULL) return; /* the handler keeps an entry longer than it must; nothing breaks */
    counts->forgotten = larger;
    counts->forgotten_capacity = capacity;
  }
  counts->forgotten[counts->forgotten_used++] = ino;
}

void counts_forget(struct counts *counts, uint64_t ino, uint64_t references) {
  struct count *slot = find(counts, ino);
  if (slot->ino == 0 || slot->references == COUNTS_REFERENCES_MAX) return;
  if (slot->references > references) {
    slot->references -= (uint32_t)references;
    return;
  }
  if (slot->watched || ino >= COUNTS_REPORTED_MIN) report(counts, ino);
  drop(counts, slot);
}

int counts_watch(struct counts *counts, uint64_t ino) {
  struct count *slot = find(counts, ino);
  if (slot->ino == 0) {
    /* Those from COUNTS_REPORTED_MIN on were all made since. */
    if (!counts->inherited || ino >= COUNTS_REPORTED_MIN || counts_add(counts, ino) < 0) return 0;
    slot = find(counts, ino);
    slot->references = 0;
  }
  slot->watched = 1;
  return 1;
}
