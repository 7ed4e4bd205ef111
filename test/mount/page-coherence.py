"""Readers of pages beside somebody who changes the file: page-coherence.test.ts.

PATH SECONDS SEED. Each change is looked at through the kernel's pages as soon as its call has returned. Prints the
counts, and a line for each look that found something else than what was written; exits with 1 then.
"""
import os
import random
import sys
import threading
import time

PAGE, PAGES = 4096, 400
path, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)
model = bytearray(chance.randbytes(PAGE * PAGES))
ended = threading.Event()
counts = {'changes': 0, 'reads': 0, 'stale': 0}


def put(flags, pieces):
    descriptor = os.open(path, os.O_RDWR | flags)
    for offset, piece in pieces:
        os.pwrite(descriptor, piece, offset)
    os.close(descriptor)


def read_pages(number):
    """Single pages at random, now and then of those that the kernel has just let go of."""
    own = random.Random(seed * 100 + number)
    while not ended.is_set():
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        for _ in range(own.randrange(1, 60)):
            if own.random() < 0.15:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.pread(descriptor, PAGE, own.randrange(PAGES) * PAGE)
            counts['reads'] += 1
        os.close(descriptor)


def change():
    """Writes, truncates by name, or writes all of it anew; the model follows."""
    global model
    kind = chance.random()
    if kind < 0.6:
        pieces = []
        for _ in range(chance.randrange(1, 5)):
            offset, piece = chance.randrange(max(1, len(model) - 2 * PAGE)), chance.randbytes(chance.randrange(1, 2 * PAGE))
            pieces.append((offset, piece))
            model[offset:offset + len(piece)] = piece
        put(0, pieces)
        return 'a write'
    if kind < 0.8:
        size = chance.randrange(PAGE * PAGES // 2, PAGE * PAGES)
        os.truncate(path, size)
        model = model[:size] + bytes(max(0, size - len(model)))
        return 'a truncation'
    model = bytearray(chance.randbytes(PAGE * PAGES))
    put(os.O_TRUNC, [(0, bytes(model))])
    return 'a new content'


def look(after):
    with open(path, 'rb', buffering=0) as file:
        size, found = os.fstat(file.fileno()).st_size, file.read(len(model) + 1)
    if size == len(model) and found == model:
        return
    counts['stale'] += 1
    pages = [at // PAGE for at in range(0, len(model), PAGE) if found[at:at + PAGE] != model[at:at + PAGE]]
    print(f'after {after}: {size} bytes of {len(model)}, other content in the pages {pages[:5]}')


open(path, 'wb').write(model)
readers = [threading.Thread(target=read_pages, args=(number,)) for number in range(4)]
for reader in readers:
    reader.start()
until = time.monotonic() + seconds
while time.monotonic() < until:
    look(change())
    counts['changes'] += 1
    # Between changes there is time for a publication: only published content is handed out around a read.
    time.sleep(chance.random() * 0.05)
ended.set()
for reader in readers:
    reader.join()
print(' '.join(f'{count} {what}' for what, count in counts.items()))
sys.exit(1 if counts['stale'] else 0)
