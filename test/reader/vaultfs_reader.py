#!/usr/bin/python3
"""A second reader of VaultFS vaults: lists and restores every published state of a store, or of a plain copy of one,
and what is only in its log.

Written from lib/format/FORMAT.md (and LOG.md, CACHE.md, MERGE.md, which it names), so that a vault can be read without
VaultFS, and so that the written format is known to suffice; what was missing there was added there. It never writes to the store. Section numbers are
FORMAT's. Needs Python 3.11 and two packages: apt-get install python3-nacl python3-zstandard.

What can't be verified is named on standard error and not handed out: a damaged file is missing in OUT, never wrong.
Exit codes: 0 all is sound, 1 something is damaged, 2 it can't be done as asked, 3 the secret opens nothing here,
4 the store is of a format that this reader does not know.
"""
import argparse
import array
import collections
import datetime
import hashlib
import hmac
import json
import os
import re
import stat
import struct
import sys
import unicodedata

import nacl.bindings as sodium
import nacl.exceptions
import nacl.signing
import zstandard

ROOT_ID = bytes(15) + b'\x01'
U64 = struct.Struct('<Q')
FRAME = 65536


# ---- What may go wrong

class Damage(Exception):
    """Bytes that no version wrote so (corrupt, chain-broken), or that are not there."""

    exit_code = 1


class NotAVault(Damage):
    """Some other file."""


class Refused(Exception):
    """It can't be done as asked; nothing is wrong with the vault."""

    exit_code = 2


class WrongSecret(Exception):
    exit_code = 3


class UnknownFormat(Exception):
    """A version, suite, feature, chunker or operation that this reader does not know."""

    exit_code = 4


class Report:
    """Names what is damaged, each once, and remembers that something was."""

    def __init__(self):
        self.damaged = []

    def damage(self, subject, why):
        line = f'{subject}: {why}'
        if line not in self.damaged:
            self.damaged.append(line)
            print(f'damaged: {line}', file=sys.stderr)

    @staticmethod
    def note(text):
        print(f'note: {text}', file=sys.stderr)


# ---- §1 Bytes

class Cursor:
    """Reads a structure from its beginning to its end. Whatever does not fit is damage."""

    def __init__(self, data, what):
        self.data, self.what, self.at = data, what, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Damage(f'{self.what} is cut short')
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, count):
        value = int.from_bytes(self.take(count), 'big')
        if value >= 1 << 53:
            raise Damage(f'{self.what} has a number above 2^53')
        return value

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if value >= 1 << 53:
                raise Damage(f'{self.what} has a number above 2^53')
            if byte < 128:
                if byte == 0 and shift > 0:
                    raise Damage(f'{self.what} has a number that is longer than it needs to be')
                return value
            shift += 7

    def prefixed(self, limit):
        length = self.varint()
        if length > limit:
            raise Damage(f'{self.what} has a part of {length} bytes ({limit} are allowed)')
        return self.take(length)

    def count(self, limit):
        count = self.varint()
        if count > limit:
            raise Damage(f'{self.what} has {count} parts ({limit} are allowed)')
        return count

    def rest(self):
        return self.take(len(self.data) - self.at)

    def zeros(self):
        if any(self.rest()):
            raise Damage(f'{self.what} has padding that is not zero')

    def end(self):
        if self.at != len(self.data):
            raise Damage(f'{self.what} has bytes behind its end')


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def prefixed(data):
    return varint(len(data)) + data


# ---- §1 Primitives

def sha256(data):
    return hashlib.sha256(data).digest()


def blake2b(key, data, size=32):
    return hashlib.blake2b(data, key=key, digest_size=size).digest()


def kdf(key, context, number):
    """crypto_kdf_derive_from_key: BLAKE2b of nothing, the number as salt, the context as personalisation."""
    return hashlib.blake2b(b'', key=key, digest_size=32, salt=struct.pack('<Q8x', number), person=context.encode()).digest()


def aead_open(key, nonce, associated, sealed, what):
    try:
        return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(bytes(sealed), bytes(associated), nonce, key)
    except (nacl.exceptions.CryptoError, nacl.exceptions.ValueError, nacl.exceptions.TypeError):
        raise Damage(f'{what} does not open: it was changed, or sealed with another key') from None


def unseal(key, associated, sealed, what):
    if len(sealed) < 40:
        raise Damage(f'{what} is cut short')
    return aead_open(key, bytes(sealed[:24]), associated, sealed[24:], what)


def signed(public_key, domain, message, signature):
    try:
        nacl.signing.VerifyKey(bytes(public_key)).verify(b'vaultfs ' + domain.encode() + b'\0' + bytes(message), bytes(signature))
        return True
    except (nacl.exceptions.CryptoError, nacl.exceptions.ValueError):
        return False


def public_key_of(seed):
    return bytes(nacl.signing.SigningKey(seed).verify_key)


# ---- BLAKE3, keyed. All chunks of 1024 bytes at once: word i of the state of every one lies in one large integer,
# ---- in lanes of 64 bits, so that Python's arithmetic on large integers does what a vector unit would.

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED = 1, 2, 4, 8, 16
LANES_MAX = 256


def schedule():
    rounds = [tuple(range(16))]
    while len(rounds) < 7:
        rounds.append(tuple(rounds[-1][at] for at in PERMUTATION))
    return rounds


ROUNDS = schedule()
MIXED = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def compress(chaining, words, counter, length, flags, ones):
    """One block of every lane. `ones` has a one in each lane; `length` and `flags` are those of all lanes."""
    mask = ones * 0xFFFFFFFF
    v = list(chaining) + [IV[0] * ones, IV[1] * ones, IV[2] * ones, IV[3] * ones, counter[0], counter[1], length * ones, flags * ones]
    for order in ROUNDS:
        for step, (ia, ib, ic, id_) in enumerate(MIXED):
            a, b, c, d = v[ia], v[ib], v[ic], v[id_]
            a = (a + b + words[order[2 * step]]) & mask
            d ^= a
            d = (d >> 16 | d << 16) & mask
            c = (c + d) & mask
            b ^= c
            b = (b >> 12 | b << 20) & mask
            a = (a + b + words[order[2 * step + 1]]) & mask
            d ^= a
            d = (d >> 8 | d << 24) & mask
            c = (c + d) & mask
            b ^= c
            b = (b >> 7 | b << 25) & mask
            v[ia], v[ib], v[ic], v[id_] = a, b, c, d
    return [v[at] ^ v[at + 8] for at in range(8)]


def lanes_of(numbers):
    return int.from_bytes(numbers.tobytes(), 'little')


def numbers_of(lanes, count):
    return array.array('Q', lanes.to_bytes(8 * count, 'little'))


def chunk_values(key, data, first, count, size, flags):
    """The chaining values of `count` chunks of `size` bytes each, from chunk `first` on: eight columns."""
    ones = int.from_bytes(b'\1\0\0\0\0\0\0\0' * count, 'little')
    numbers = range(first, first + count)
    counter = (lanes_of(array.array('Q', [n & 0xFFFFFFFF for n in numbers])), lanes_of(array.array('Q', [n >> 32 for n in numbers])))
    chaining = [word * ones for word in key]
    blocks = max(1, -(-size // 64))
    for block in range(blocks):
        length = min(64, size - 64 * block)
        words = []
        for word in range(16):
            column = bytearray(8 * count)
            for byte in range(4):
                at = 64 * block + 4 * word + byte
                if at < size:
                    column[byte::8] = data[at::size]
            words.append(int.from_bytes(column, 'little'))
        extra = (CHUNK_START if block == 0 else 0) | ((CHUNK_END | flags) if block == blocks - 1 else 0)
        chaining = compress(chaining, words, counter, length, KEYED | extra, ones)
    return [numbers_of(lanes, count) for lanes in chaining]


def blake3(key, data):
    """BLAKE3 keyed with 32 bytes; 32 bytes."""
    data, key = bytes(data), struct.unpack('<8I', key)
    if len(data) <= 1024:
        columns = chunk_values(key, data, 0, 1, len(data), ROOT)
        return b''.join(struct.pack('<I', column[0]) for column in columns)
    whole = len(data) // 1024
    columns = [array.array('Q') for _ in range(8)]
    for first in range(0, whole, LANES_MAX):
        count = min(LANES_MAX, whole - first)
        for column, more in zip(columns, chunk_values(key, data[1024 * first:1024 * (first + count)], first, count, 1024, 0)):
            column.extend(more)
    if len(data) % 1024:
        for column, more in zip(columns, chunk_values(key, data[1024 * whole:], whole, 1, len(data) - 1024 * whole, 0)):
            column.extend(more)
    while len(columns[0]) > 1:
        pairs = len(columns[0]) // 2
        ones = int.from_bytes(b'\1\0\0\0\0\0\0\0' * pairs, 'little')
        words = [lanes_of(column[side:2 * pairs:2]) for side in (0, 1) for column in columns]
        last = [column[2 * pairs:] for column in columns]
        flags = KEYED | PARENT | (ROOT if pairs == 1 and not last[0] else 0)
        above = compress([word * ones for word in key], words, (0, 0), 64, flags, ones)
        columns = [numbers_of(lanes, pairs) + left for lanes, left in zip(above, last)]
    return b''.join(struct.pack('<I', column[0]) for column in columns)


# ---- §5.3, §5.4 Secrets

def passphrase_from(path):
    with open(path, 'rb') as file:
        data = file.read(1 << 16)
    for end in (b'\r\n', b'\n'):
        if data.endswith(end):
            data = data[:-len(end)]
            break
    if not 1 <= len(data) <= 4096:
        raise Refused(f'{path}: a passphrase has 1 to 4096 bytes')
    try:
        return unicodedata.normalize('NFC', data.decode()).encode()
    except UnicodeDecodeError:
        raise Refused(f'{path}: a passphrase is UTF-8') from None


def kit_from(path):
    """The kit's 32 bytes of entropy: from 24 words in a row, or as they were printed, with numbers in columns."""
    with open(path, encoding='utf-8', errors='replace') as file:
        text = file.read(1 << 16).lower()
    numbered = {int(number): word for number, word in re.findall(r'(?<!\S)(\d{1,2})\. ([a-z]+)', text)}
    words = [numbered[n] for n in range(1, 25)] if all(n in numbered for n in range(1, 25)) else text.split()
    if len(words) != 24:
        raise Refused(f'{path}: the kit has 24 words, here are {len(words)}')
    return entropy_of(words)


def entropy_of(words):
    number_of = {word: number for number, word in enumerate(WORDS.split())}
    bits = 0
    for word in words:
        if word not in number_of:
            raise Refused(f'{word!r} is none of the words that a kit is made of')
        bits = bits << 11 | number_of[word]
    entropy = (bits >> 8).to_bytes(32, 'big')
    if sha256(entropy)[0] != bits & 255:
        raise Refused('these 24 words are no kit: one is wrong, or two are swapped')
    return entropy


class Passphrase:
    kind = 1

    def __init__(self, text):
        self.text = text

    def slot_secret(self, parameters):
        fields = Cursor(parameters, 'the parameters of a passphrase')
        salt, memory_kib, passes = fields.take(16), fields.number(4), fields.number(1)
        fields.end()
        if not (64 << 10 <= memory_kib <= 4 << 20 and 1 <= passes <= 10):
            raise Damage(f'the passphrase asks for {memory_kib} KiB and {passes} passes, which is outside of what any version writes')
        return sodium.crypto_pwhash_alg(32, self.text, bytes(salt), passes, memory_kib << 10, sodium.crypto_pwhash_ALG_ARGON2ID13)


class Kit:
    kind = 2

    def __init__(self, entropy):
        self.entropy = entropy

    def slot_secret(self, _parameters):
        return kdf(self.entropy, 'vfs-kit1', 1)


# ---- §5 The vault's header, and the keys of §2

Slot = collections.namedtuple('Slot', 'id kind label public_key sealed_master tag wrapped_tag_key parameters')


class Header:
    def __init__(self, data, what):
        self.what = what
        if len(data) > 65536:
            raise Damage(f'{what} is longer than 65 536 bytes')
        if data[:8] != b'VAULTFS\0':
            raise NotAVault(f'{what} is not the header of a vault')
        version = int.from_bytes(data[8:10], 'big')
        if version != 1:
            raise UnknownFormat(f'{what}: format version {version}')
        if len(data) < 64 or sha256(data[:-32]) != data[-32:]:
            raise Damage(f'{what}: its checksum is wrong')
        self.body, self.mac = data[:-64], data[-64:-32]
        body = Cursor(self.body, what)
        body.take(10)
        if body.number(4) != 0:
            raise UnknownFormat(f'{what} requires features that this reader does not know')
        body.number(4)
        self.generation = body.number(8)
        self.vault_id, self.owner, salt = body.take(32), body.take(32), body.take(32)
        if sha256(self.owner + salt) != self.vault_id:
            raise Damage(f"{what}: the vault's id is not that of its owner")
        self.created = body.number(8)
        if body.number(1) != 1:
            raise UnknownFormat(f'{what}: a chunker that this reader does not know')
        body.take(9)
        self.wrapped_epochs = {}
        for _ in range(self._count(body, 64)):
            epoch = body.number(4)
            if epoch <= max(self.wrapped_epochs, default=0):
                raise Damage(f'{what}: its epochs are not in order')
            self.wrapped_epochs[epoch] = body.take(72)
        self.wrapped_id_root = body.take(72)
        recovery = body.number(1)
        if recovery not in (1, 2):
            raise Damage(f'{what}: a state of the recovery kit that there is not')
        body.take(72 if recovery == 2 else 0)
        body.prefixed(256)
        self.slots = [self._slot(body) for _ in range(self._count(body, 32))]
        body.end()

    def _count(self, body, limit):
        count = body.number(1)
        if not 1 <= count <= limit:
            raise Damage(f'{self.what}: {count} of what are 1 to {limit}')
        return count

    @staticmethod
    def _slot(body):
        slot_id, kind, label = body.take(8), body.number(1), body.prefixed(64)
        body.number(8)
        return Slot(slot_id, kind, label, body.take(32), body.take(80), body.take(32), body.take(72), body.prefixed(256))

    def open_master(self, secret):
        fitting = [slot for slot in self.slots if slot.kind == secret.kind]
        for slot in fitting:
            both = b'slot/v1\0' + bytes([slot.kind]) + self.vault_id + slot.id + slot.parameters
            derived = blake2b(secret.slot_secret(slot.parameters), both, 64)
            public_key, private_key = sodium.crypto_box_seed_keypair(derived[:32])
            if public_key != slot.public_key:
                continue
            name = f'{self.what}: slot {slot.label.decode(errors="replace")!r}'
            try:
                master = sodium.crypto_box_seal_open(slot.sealed_master, public_key, private_key)
            except nacl.exceptions.CryptoError:
                raise Damage(f'{name} does not open') from None
            tag = blake2b(derived[32:], b'master/v1\0' + self.vault_id + slot.id + slot.sealed_master)
            if not hmac.compare_digest(tag, slot.tag):
                raise Damage(f'{name}: its tag is wrong, the key in it is not the vault owner\'s')
            if secret.kind == 2 and public_key_of(kdf(secret.entropy, 'vfs-kit1', 2)) != self.owner:
                raise Damage(f"{self.what}: the owner's public key is not that of the words")
            return master
        raise WrongSecret('the words open no slot of this vault' if secret.kind == 2 else 'wrong passphrase')


class Keys:
    def __init__(self, header, master):
        self.vault_id = header.vault_id
        self.local, wrap = kdf(master, 'vfs-mstr', 2), kdf(master, 'vfs-mstr', 3)
        self.log = kdf(master, 'vfs-mstr', 5)
        mac = blake2b(kdf(master, 'vfs-mstr', 1), b'header/v1\0' + header.body)
        self.header_trusted = hmac.compare_digest(mac, header.mac)
        id_root = self.unwrap(wrap, 'id-root/v1', header.wrapped_id_root)
        self._set_ids(id_root)
        self.epochs = {epoch: self.unwrap(wrap, f'epoch/v1 {epoch}', wrapped) for epoch, wrapped in header.wrapped_epochs.items()}

    @classmethod
    def of_roots(cls, master, id_root, epochs, vault_id):
        """From the three roots of §2, without a header."""
        keys = cls.__new__(cls)
        keys.vault_id, keys.header_trusted = vault_id, True
        keys.local, keys.log = kdf(master, 'vfs-mstr', 2), kdf(master, 'vfs-mstr', 5)
        keys._set_ids(id_root)
        keys.epochs = dict(epochs)
        return keys

    def _set_ids(self, id_root):
        self.id, self.page_id = kdf(id_root, 'vfs-ids1', 1), kdf(id_root, 'vfs-ids1', 2)

    def unwrap(self, key, purpose, wrapped):
        return unseal(key, b'vaultfs ' + purpose.encode() + b'\0' + self.vault_id, wrapped, f'the wrapped key {purpose!r}')

    def of_epoch(self, epoch, number, what):
        if epoch not in self.epochs:
            raise Damage(f'{what} is of epoch {epoch}, whose key the header does not have')
        return kdf(self.epochs[epoch], 'vfs-epoc', number)


# ---- §6 Devices

class Member:
    def __init__(self, record, keys, owner, what):
        fields = Cursor(record, what)
        if fields.number(1) != 1:
            raise UnknownFormat(f'{what}: a version that this reader does not know')
        if fields.take(32) != keys.vault_id:
            raise Damage(f'{what} is of another vault')
        self.device, self.sign_key, self.box_key, self.tls_key = fields.take(16), fields.take(32), fields.take(32), fields.take(32)
        self.created, self.name = fields.number(8), fields.prefixed(255)
        message = record[:fields.at]
        signature = fields.take(64)
        fields.end()
        if not signed(owner, 'member/v1', message, signature):
            raise Damage(f"{what} is not signed by the vault's owner")


def member_of_device_file(data, keys, owner):
    if data[:7] != b'VFSDEV\0':
        raise Damage('the file device is none')
    if data[7:8] != b'\1':
        raise UnknownFormat('the file device: a version that this reader does not know')
    fields = Cursor(data, 'the file device')
    fields.take(8)
    if fields.take(32) != keys.vault_id:
        raise Damage('the file device is of another vault')
    device = fields.take(16)
    purpose = f'device/v1 {device.hex()}'.encode()
    body = Cursor(unseal(keys.local, b'vaultfs ' + purpose + b'\0' + keys.vault_id, fields.rest(), 'the file device'), 'the file device')
    seeds = [body.take(32) for _ in range(3)]
    record = body.prefixed(512)
    body.end()
    member = Member(record, keys, owner, 'the file device')
    public_keys = (public_key_of(seeds[0]), sodium.crypto_box_seed_keypair(seeds[1])[0], public_key_of(seeds[2]))
    if member.device != device or public_keys != (member.sign_key, member.box_key, member.tls_key):
        raise Damage('the file device: its keys are not those of its record')
    return member


# ---- §4 Blobs

Reference = collections.namedtuple('Reference', 'chunk_id blob_id table_hash length blob_length epoch suite form raw')
PAGE, ZSTD = 1, 2


def bucket_of(count):
    """The smallest of 4096·2^n and 5792·2^n that holds so many bytes."""
    power = 0
    while True:
        for size in (4096 << power, 5792 << power):
            if size >= count:
                return size
        power += 1


def segments_of(bucket):
    return -(-bucket // FRAME)


def blob_length_of(bucket):
    return 48 + 48 * segments_of(bucket) + bucket


BUCKET_OF_LENGTH = {blob_length_of(base << power): base << power for power in range(13) for base in (4096, 5792) if base << power <= 16 << 20}


def reference_from(raw):
    fields = Cursor(bytes(raw), 'a reference')
    reference = Reference(fields.take(32), fields.take(32), fields.take(32), *(fields.number(4) for _ in range(3)), fields.number(1), fields.number(1), bytes(raw))
    fields.end()
    if reference.suite != 1:
        raise UnknownFormat(f'suite {reference.suite}')
    if reference.form > 3 or reference.length > 16 << 20 or reference.blob_length not in BUCKET_OF_LENGTH:
        raise Damage('a reference that no version makes')
    return reference


def open_blob(blob, reference, keys, check_id=True):
    """The plaintext; everything that can be verified is."""
    if len(blob) != reference.blob_length:
        raise Damage('it has another length than its reference says')
    bucket = BUCKET_OF_LENGTH[reference.blob_length]
    count = segments_of(bucket)
    header, table = blob[:48], blob[48:48 + 32 * count]
    if header[:3] != b'VFB':
        raise Damage('it does not begin like a blob')
    if header[3] != 1 or header[4] != 1:
        raise UnknownFormat(f'a blob of version {header[3]}, suite {header[4]}')
    if any(header[5:8]) or int.from_bytes(header[8:12], 'big') != reference.epoch or int.from_bytes(header[12:16], 'big') != count:
        raise Damage('its header is not that of its reference')
    if sha256(table) != reference.table_hash:
        raise Damage('its table is not that of its reference')
    chunk_key = blake2b(keys.of_epoch(reference.epoch, 1, 'it'), b'chunk/v1\0' + reference.chunk_id)
    key = blake2b(chunk_key, b'blob/v1\0' + bytes([reference.form]) + struct.pack('>I', reference.length) + header)
    framed, at = [], 48 + 32 * count
    for segment in range(count):
        size = min(FRAME, bucket - FRAME * segment) + 16
        sealed = blob[at:at + size]
        at += size
        if sha256(sealed) != table[32 * segment:32 * segment + 32]:
            raise Damage(f'its segment {segment} is not that of its table')
        nonce = bytes(19) + struct.pack('>IB', segment, segment == count - 1)
        framed.append(aead_open(key, nonce, header, sealed, f'its segment {segment}'))
    framed = b''.join(framed)
    plain = unpacked(framed, reference.length) if reference.form & ZSTD else unpadded(framed, reference.length)
    if check_id and blake3(keys.page_id if reference.form & PAGE else keys.id, plain) != reference.chunk_id:
        raise Damage('its plaintext has another ChunkId')
    return plain


def unpadded(framed, length):
    if bucket_of(length) != len(framed) or any(framed[length:]):
        raise Damage('its padding is not what it has to be')
    return framed[:length]


def unpacked(framed, length):
    count = -(-length // FRAME)
    end = len(framed) - 2 * count
    if end < 0:
        raise Damage('it has no room for its directory')
    sizes = struct.unpack(f'>{count}H', framed[end:])
    plain, at = [], 0
    for frame, size in enumerate(sizes):
        expected = min(FRAME, length - FRAME * frame)
        packed = framed[at:at + (size or expected)]
        at += size or expected
        if at > end:
            raise Damage('its frames do not fit into it')
        plain.append(packed if size == 0 else inflated(packed, expected))
    if any(framed[at:end]) or bucket_of(at + 2 * count) != len(framed):
        raise Damage('its padding is not what it has to be')
    return b''.join(plain)


def inflated(packed, expected):
    try:
        told = zstandard.get_frame_parameters(packed).content_size
        if told not in (expected, zstandard.CONTENTSIZE_UNKNOWN):
            raise Damage('a frame has another length than it must have')
        plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=expected)
    except zstandard.ZstdError as error:
        raise Damage(f'a frame does not decompress ({error})') from None
    if len(plain) != expected:
        raise Damage('a frame has another length than it must have')
    return plain


# ---- CACHE.md: where the blobs lie

class Blobs:
    """All blobs of a store. The index over them is not read: the files say everything."""

    def __init__(self, store, keys, report, check_ids):
        self.folder = os.path.join(store, 'cache', 'segments')
        self.keys, self.report, self.check_ids = keys, report, check_ids
        self.places = None
        self.searched = False
        self.opened = collections.OrderedDict()

    def open(self, reference):
        """The plaintext of a chunk or page. Damage when it is not there as it was stored."""
        if reference.raw in self.opened:
            self.opened.move_to_end(reference.raw)
            return self.opened[reference.raw]
        try:
            plain = open_blob(self._sealed(reference.blob_id), reference, self.keys, self.check_ids)
        except Damage as why:
            raise Damage(f'blob {reference.blob_id.hex()}: {why}') from None
        self.opened[reference.raw] = plain
        if len(self.opened) > 8:
            self.opened.popitem(last=False)
        return plain

    def _sealed(self, blob_id):
        if self.places is None:
            self.places = collections.defaultdict(list)
            for path in self._files():
                self._index(path)
        blob = self._verified(blob_id)
        if blob is None and not self.searched:
            # A damaged frame may have hidden those behind it.
            self.searched = True
            for path in self._files():
                self._search(path)
            blob = self._verified(blob_id)
        if blob is None:
            there = self.places[blob_id]
            raise Damage(f'its bytes have another SHA-256 ({os.path.basename(there[0][0])} at {there[0][1]})' if there else 'it is not in the store')
        return blob

    def _verified(self, blob_id):
        for path, at, length in self.places[blob_id]:
            with open(path, 'rb') as file:
                file.seek(at)
                blob = file.read(length)
            if sha256(blob) == blob_id:
                return blob
        return None

    def _files(self):
        try:
            names = [name for name in os.listdir(self.folder) if re.fullmatch(r'[0-9]+\.blobs', name)]
        except FileNotFoundError:
            return []
        return [os.path.join(self.folder, name) for name in sorted(names, key=lambda name: int(name[:-6]))]

    def _index(self, path):
        """Goes from frame to frame, and ends where there is none."""
        with open(path, 'rb') as file:
            size, at = os.fstat(file.fileno()).st_size, 0
            while at + 40 <= size:
                file.seek(at)
                frame = file.read(40)
                length = int.from_bytes(frame[4:8], 'big')
                if frame[:4] not in (b'VFS1', b'VFS0') or length == 0 or at + 40 + length > size:
                    return
                self.places[frame[8:]].append((path, at + 40, length))
                at += 40 + length

    def _search(self, path):
        """Looks at every place where a frame might begin."""
        with open(path, 'rb') as file:
            data = file.read()
        known = {place for places in self.places.values() for place in places}
        at = data.find(b'VFS')
        while at >= 0:
            length = int.from_bytes(data[at + 4:at + 8], 'big')
            place = (path, at + 40, length)
            blob_id = data[at + 8:at + 40]
            if data[at + 3:at + 4] in b'01' and length in BUCKET_OF_LENGTH and place not in known and sha256(data[at + 40:at + 40 + length]) == blob_id:
                self.places[blob_id].append(place)
            at = data.find(b'VFS', at + 1)


# ---- §8 Content

def runs_from(fields, count):
    for _ in range(count):
        kind, length = fields.number(1), fields.varint()
        if kind == 0:
            yield length, None, 0
        elif kind == 1:
            offset = fields.varint()
            reference = reference_from(fields.take(110))
            if reference.form & PAGE or offset + length > reference.length:
                raise Damage('a run reaches beyond its chunk')
            yield length, reference, offset
        else:
            raise UnknownFormat(f'a run of kind {kind}')


def content_runs(content, blobs):
    """Yields (length, bytes or None for a hole), in order."""
    if not content:
        return
    fields = Cursor(content, 'a content reference')
    form, covered, filled = fields.number(1), fields.varint(), fields.varint()
    if form == 1:
        data = fields.rest()
        if len(data) != covered or filled != covered:
            raise Damage('an inline content has another length than it says')
        yield covered, data
        return
    if form == 2:
        runs = runs_from(fields, fields.varint())
    elif form == 3:
        depth = fields.number(1)
        runs = page_runs(reference_from(fields.take(110)), depth, covered, blobs)
    else:
        raise UnknownFormat(f'content of form {form}')
    total = total_filled = 0
    for length, reference, offset in runs:
        total += length
        if reference is None:
            yield length, None
        else:
            total_filled += length
            yield length, blobs.open(reference)[offset:offset + length]
    if form == 2 or form == 3:
        fields.end()
    if total != covered or total_filled != filled:
        raise Damage('a content has other lengths than it says')


def page_runs(reference, depth, below, blobs):
    if not reference.form & PAGE or depth < 1:
        raise Damage('a content tree that no version makes')
    page = Cursor(blobs.open(reference), 'a page of a content tree')
    kind, count, total = page.number(1), page.varint(), 0
    if kind != (1 if depth == 1 else 2):
        raise Damage('a page of a content tree is of another kind than its depth says')
    if kind == 1:
        for run in runs_from(page, count):
            total += run[0]
            yield run
    else:
        for _ in range(count):
            length = page.varint()
            total += length
            yield from page_runs(reference_from(page.take(110)), depth - 1, length, blobs)
    page.end()
    if total != below:
        raise Damage('a page of a content tree holds another length than it says')


# ---- §10.1 Entry records

Attributes = collections.namedtuple('Attributes', 'mode links uid gid device size blocks atime mtime ctime btime target xattrs')


def attributes_from(data):
    """Little-endian, with the xattrs behind."""
    if len(data) < 115 or data[0] != 1:
        raise UnknownFormat('an entry record of a version that this reader does not know') if data else Damage('an empty entry record')
    mode, links, uid, gid, device, size, blocks = struct.unpack_from('<5I2Q', data, 17)
    times = [struct.unpack_from('<qI', data, 53 + 12 * n) for n in range(4)]
    target_length, = struct.unpack_from('<H', data, 113)
    target, at = data[115:115 + target_length], 115 + target_length
    xattrs = {}
    if len(target) != target_length:
        raise Damage('an entry record is cut short')
    while at < len(data):
        if at + 6 > len(data):
            raise Damage('an entry record is cut short')
        name_length, value_length = struct.unpack_from('<HI', data, at)
        name, value = data[at + 6:at + 6 + name_length], data[at + 6 + name_length:at + 6 + name_length + value_length]
        at += 6 + name_length + value_length
        if at > len(data):
            raise Damage('an entry record is cut short')
        xattrs[name] = value
    return Attributes(mode, links, uid, gid, device, size, blocks, *(sec * 10**9 + nsec for sec, nsec in times), target, xattrs)


# ---- §7 Manifest

Operation = collections.namedtuple('Operation', 'code fields')
CREATE, LINK, UNLINK, MOVE, ATTRIBUTES, CONTENT, TRASH, SNAPSHOT, MEMBER, FORGET, STATE = range(1, 12)


def operation_from(data):
    o = Cursor(data, 'an operation')
    code = o.number(1)
    if code == CREATE:
        fields = (o.take(16), o.varint(), o.prefixed(1 << 20))
    elif code in (LINK, UNLINK):
        fields = (o.take(16), o.take(16), name_from(o))
    elif code == MOVE:
        fields = (o.take(16), o.take(16), name_from(o), o.take(16), name_from(o))
    elif code == ATTRIBUTES:
        fields = (o.take(16), o.prefixed(1 << 20))
    elif code == CONTENT:
        fields = (o.take(16), o.varint(), o.prefixed(65536), [o.take(32) for _ in range(o.count(1024))])
    elif code == TRASH:
        fields = (o.take(16),)
    elif code == SNAPSHOT:
        fields = (o.prefixed(255), o.number(8), o.number(4))
    elif code == MEMBER:
        fields = (o.prefixed(512),)
    elif code == FORGET:
        now, within, numbers, offset = o.number(8), o.varint(), [o.varint() for _ in range(4)], o.varint() - 1440
        fields = (now, within, numbers, offset, [o.prefixed(255) for _ in range(o.count(1024))])
    elif code == STATE:
        root, entries = o.take(32), o.varint()
        fields = (root, entries, [(o.take(16), o.number(8), o.take(32)) for _ in range(o.count(1024))], o.prefixed(110))
    else:
        raise UnknownFormat(f'an operation of code {code}')
    o.end()
    return Operation(code, fields)


def name_from(fields):
    name = fields.prefixed(255)
    if name in (b'', b'.', b'..') or b'/' in name or b'\0' in name:
        raise Damage('a name that no entry can have')
    return name


class Entry:
    """One link of a chain, opened. `start` and `end` are its place in the file."""

    def __init__(self, data, start, keys, device, what):
        self.start, self.what = start, what
        head = Cursor(data[start:start + 100], what)
        magic = head.take(4)
        if magic[:3] != b'VFE':
            raise Damage(f'{what} does not begin like an entry')
        if magic[3] != 1:
            raise UnknownFormat(f'{what} is of version {magic[3]}')
        self.vault_id, self.device, self.sequence, self.before = head.take(32), head.take(16), head.number(8), head.take(32)
        self.epoch, length = head.number(4), head.number(4)
        if self.vault_id != keys.vault_id or self.device != device:
            raise Damage(f'{what} is of another vault or device')
        if (self.sequence == 1) != (self.before == bytes(32)) or self.sequence == 0:
            raise Damage(f'{what} is of a sequence that does not fit the hash before it')
        self.end = start + 100 + length + 64
        if length > (16 << 20) + 40 or self.end > len(data):
            raise Damage(f'{what} is cut short')
        self.message, self.signature = data[start:self.end - 64], data[self.end - 64:self.end]
        self.hash = sha256(self.message)
        body = unseal(keys.of_epoch(self.epoch, 3, what), self.message[:100], self.message[100:], f'the body of {what}')
        if bucket(len(body), 512, 724) != len(body):
            raise Damage(f'{what} has a body of a length that no version makes')
        used = int.from_bytes(body[:4], 'big')
        if not 4 <= used <= len(body) or bucket(used, 512, 724) != len(body) or any(body[used:]):
            raise Damage(f'{what} has padding that is not what it has to be')
        fields = Cursor(body[:used], what)
        fields.take(4)
        self.lamport, self.sec, self.nsec = fields.number(8), fields.number(8), fields.number(4)
        self.dependencies = [(fields.take(16), fields.number(8), fields.take(32)) for _ in range(fields.count(1024))]
        self.operations = []
        for number in range(fields.varint()):
            try:
                self.operations.append(operation_from(fields.prefixed(2 << 20)))
            except (Damage, UnknownFormat) as why:
                raise type(why)(f'{what}, operation {number + 1}: {why}') from None
        fields.end()


def is_cut_short(data, at):
    return at + 100 > len(data) or at + 100 + int.from_bytes(data[at + 96:at + 100], 'big') + 64 > len(data)


def bucket(count, even, odd):
    power = 0
    while True:
        for size in (even << power, odd << power):
            if size >= count:
                return size
        power += 1


class Chain:
    """All entries of one device that link up, verified but for their signatures."""

    def __init__(self, folder, device, keys, report, has_mark=True):
        self.device, self.name, self.entries = device, device.hex(), []
        path = os.path.join(folder, self.name)
        # The mark first: of a vault that is in use, the chain may go on meanwhile.
        mark = self._mark(f'{path}.mark', report) if has_mark else None
        with open(f'{path}.chain', 'rb') as file:
            data = file.read()
        at, before = 0, bytes(32)
        while at < len(data):
            sequence = len(self.entries) + 1
            what = f'manifest {self.name}, entry {sequence}'
            try:
                entry = Entry(data, at, keys, device, what)
                if entry.sequence != sequence or entry.before != before:
                    raise Damage(f'{what} does not follow the one before it')
                if self.entries and entry.lamport <= self.entries[-1].lamport:
                    raise Damage(f'{what} is not later than the one before it')
            except Damage as why:
                # Behind the mark it is an end torn by a crash, without marks (§11) what is shorter than it says.
                torn = is_cut_short(data, at) if not has_mark else mark is not None and at >= mark[2]
                if not torn:
                    report.damage(what, why)
                break
            self.entries.append(entry)
            at, before = entry.end, entry.hash
        if mark is not None:
            marked = self.entries[mark[0] - 1] if 1 <= mark[0] <= len(self.entries) else None
            if marked is None or (marked.start, marked.end, marked.hash) != (mark[1], mark[2], mark[3]):
                report.damage(f'manifest {self.name}', f'chain-broken: its mark tells of an entry {mark[0]}, which is not there as it was')
        self.marked = 0 if mark is None else mark[0]

    def _mark(self, path, report):
        try:
            with open(path, 'rb') as file:
                data = file.read(8192)
        except FileNotFoundError:
            report.damage(f'manifest {self.name}', 'its mark is missing: whether its newest entries are there can not be told')
            return None
        valid = []
        for at in (0, 4096):
            record = data[at:at + 76]
            if len(record) == 76 and record[:4] == b'VFK\1' and sha256(record[:60])[:16] == record[60:]:
                valid.append((*struct.unpack('>3Q', record[4:28]), record[28:60]))
        if not valid:
            report.damage(f'manifest {self.name}', 'its mark is damaged: whether its newest entries are there can not be told')
        return max(valid, default=None)

    def verify(self, sign_key, report):
        """Every signature, not only the last: so the first that is wrong is named."""
        for number, entry in enumerate(self.entries):
            if sign_key is None or not signed(sign_key, 'entry/v1', entry.message, entry.signature):
                if number < self.marked or self.marked == 0:
                    report.damage(entry.what, 'its signature is not that of its device' if sign_key else 'nothing says whose signature it has')
                del self.entries[number:]
                return


# ---- The state that entries make (§7.6, MERGE.md)

def is_folder(attributes):
    return stat.S_ISDIR(struct.unpack_from('<I', attributes, 17)[0])


class Node:
    """An entry of the tree: its newest attributes and content, and the places (folder, name) that lead to it."""

    def __init__(self, number, attributes):
        self.number, self.attributes, self.content, self.places, self.ended = number, attributes, None, set(), False
        # Those that nobody has replaced, where there are several devices.
        self.contents = None
        # What the log lays over the content: (start, end, LSN, source), apart from each other and in order.
        self.overlay = []

    def size(self):
        attributes = attributes_from(self.attributes)
        return len(attributes.target) if stat.S_ISLNK(attributes.mode) else attributes.size


class Circle(Exception):
    """What no device tells, but who has its keys may: a folder in itself, something in a file. `Merge` knows what becomes of it."""


class State:
    def __init__(self):
        self.nodes, self.names = {}, {}
        # (folder, name, entry id) as the manifest tells them, where several devices may give one name.
        self.shared = None
        self.complaints = []

    def node(self, entry_id, entry):
        if entry_id not in self.nodes:
            self.complaints.append(f'{entry.what} tells of an entry that nobody created')
        return self.nodes.get(entry_id)

    def fold(self, entry):
        """The operations of one entry, told by a device that knew all there is (§7.7)."""
        by_code = collections.defaultdict(list)
        for code, fields in entry.operations:
            by_code[code].append(fields)
        for entry_id, number, attributes in by_code[CREATE]:
            node = self.nodes.setdefault(entry_id, Node(number, attributes))
            self._describe(node, attributes)
        for entry_id, size, content, _replaced in by_code[CONTENT]:
            if (node := self.node(entry_id, entry)) is not None:
                node.content = (size, content)
        for entry_id, attributes in by_code[ATTRIBUTES]:
            if (node := self.node(entry_id, entry)) is not None:
                self._describe(node, attributes)
        for fields in by_code[UNLINK] + by_code[MOVE]:
            entry_id, place = fields[0], fields[1:3]
            if self.names.get(place) == entry_id:
                self.leave(place)
        for entry_id, parent, name in by_code[LINK] + [(fields[0], *fields[3:]) for fields in by_code[MOVE]]:
            node = self.node(entry_id, entry)
            if node is not None and self.names.get((parent, name)) != entry_id:
                self._arrive(entry_id, node, (parent, name))
        for entry_id, in by_code[TRASH]:
            if entry_id in self.nodes and not self.nodes[entry_id].places:
                self.nodes[entry_id].ended = True

    def leave(self, place):
        self.nodes[self.names.pop(place)].places.discard(place)

    @staticmethod
    def _describe(node, attributes):
        if not node.ended:
            if is_folder(node.attributes) != is_folder(attributes):
                raise Circle
            node.attributes = attributes

    def _arrive(self, entry_id, node, place):
        folder = self.nodes.get(place[0])
        if entry_id == ROOT_ID or (folder is not None and not is_folder(folder.attributes)):
            raise Circle
        node.ended = False
        if is_folder(node.attributes):
            for former in list(node.places):
                self.leave(former)
            above = place[0]
            while above in self.nodes:
                if above == entry_id:
                    raise Circle
                above = next(iter(self.nodes[above].places), (None,))[0]
        if place in self.names:
            self.leave(place)
        self.names[place] = entry_id
        node.places.add(place)

    def records(self):
        """(folder, name, entry id) of everything there is, in the order of §7.6."""
        places = [(bytes(16), b'', ROOT_ID)]
        shared = self.shared or [(folder, name, entry_id) for (folder, name), entry_id in self.names.items()]
        places += sorted(shared, key=lambda place: (place[0], place[1], self.nodes[place[2]].number))
        nameless = [(node.number, entry_id) for entry_id, node in self.nodes.items() if not node.places and not node.ended and entry_id != ROOT_ID]
        return places + [(b'\xff' * 16, entry_id, entry_id) for _number, entry_id in sorted(nameless)]

    def root(self, keys):
        """The hash that a device tells of a state (§7.6), and the number of its records."""
        told, hashes, page, size = set(), [], [], 0
        records = self.records()
        for at, (folder, name, entry_id) in enumerate(records):
            record = folder + prefixed(name) + entry_id
            if entry_id in told or entry_id not in self.nodes:
                record += b'\0'
            else:
                told.add(entry_id)
                node = self.nodes[entry_id]
                contents = node.contents if node.contents is not None else [] if node.content is None else [node.content]
                # Blocks and access time are not part of a state.
                attributes = node.attributes[:45] + bytes(20) + node.attributes[65:]
                record += b'\1' + varint(node.number) + prefixed(attributes) + varint(len(contents))
                record += b''.join(varint(length) + prefixed(reference) for length, reference in contents)
            page.append(record)
            size += len(record)
            if sha256(folder + name)[0] < 2 or size >= 256 << 10 or at == len(records) - 1:
                hashes.append(blake3(keys.page_id, b'\1' + varint(len(page)) + b''.join(page)))
                page, size = [], 0
        while True:
            hashes = [blake3(keys.page_id, b'state-node/v1\0' + b''.join(hashes[at:at + 256])) for at in range(0, len(hashes), 256)]
            if len(hashes) == 1:
                return blake3(keys.page_id, b'state/v1\0' + struct.pack('>Q', len(records)) + hashes[0]), len(records)

    def view(self):
        return self

    told_view = view

    def children(self):
        """By folder: its names in order, each with what it leads to."""
        children = collections.defaultdict(list)
        for (folder, name), entry_id in sorted(self.names.items()):
            children[folder].append((name, entry_id))
        return children

    def at(self, path):
        """The entry that a path leads to, symbolic links not followed."""
        entry_id = ROOT_ID
        for name in path.split(b'/'):
            if name in (b'', b'.'):
                continue
            entry_id = self.names.get((entry_id, name))
            if entry_id is None:
                raise Refused(f'{shown(path)}: there is no such path in that state')
        return entry_id


# ---- MERGE.md: several devices

class Row:
    """A name that an entry has. `told`: as the manifest gives it, None: as shown; b'': a conflict's copy, told by nobody."""

    def __init__(self, cookie, parent, name, entry_id, began, claimed, line, told):
        self.cookie, self.parent, self.name, self.entry_id = cookie, parent, name, entry_id
        self.began, self.claimed, self.line, self.told, self.ended = began, claimed, line or cookie, told, 0

    def raw(self):
        return self.name if self.told is None else self.told


class Head:
    """A content that nobody has replaced."""

    def __init__(self, size, content, bases, began):
        self.size, self.content, self.bases, self.began = size, content, bases, began


class MergedNode:
    """An entry: its version (None: ended), the one before that, and its contents."""

    def __init__(self, number, origin):
        self.number, self.origin, self.heads, self.copies = number, origin, [], []
        self.version = self.former = None   # (position from which on, attributes, head or None)


class Merge:
    """Folds the entries of several devices, in their one order. MERGE.md says what becomes of which conflict."""

    OWN_NUMBERS, DEPTH_MAX, RETURNING_MAX = 1 << 45, 16384, 4096

    def __init__(self):
        self.nodes, self.origins, self.devices = {}, [], {}
        self.shown, self.told = {}, collections.defaultdict(list)
        self.rows, self.past, self.below = collections.defaultdict(list), collections.defaultdict(list), collections.defaultdict(set)
        self.cookie, self.next_number, self.numbers, self.returning = 0, self.OWN_NUMBERS, set(), set()
        self.complaints = []

    def fold(self, entry):
        self.position, self.entry = len(self.origins) + 1, entry
        self.devices.setdefault(entry.device, b'')
        self.alone = len(self.devices) == 1
        self.seen = {device: sequence for device, sequence, _hash in entry.dependencies}
        self.removed, self.refused, touched = {}, set(), {}
        for code, fields in entry.operations:
            if code == CREATE:
                self._create(*fields)
            elif code == CONTENT:
                self._content(*fields, touched)
            elif code == MEMBER:
                record = Cursor(fields[0], 'a member record')
                record.take(1 + 32 + 16 + 96 + 8)
                self.devices[entry.device] = record.prefixed(255)
        for code, fields in entry.operations:
            if code == ATTRIBUTES and self._known(fields[0]):
                self._attributes(self.nodes[fields[0]], fields[1])
        self._move(entry.operations, touched)
        trashed = {fields[0] for code, fields in entry.operations if code == TRASH}
        for entry_id in list(self.removed):
            touched[entry_id] = True
            self._restore(entry_id, trashed)
        for entry_id in [fields[0] for code, fields in entry.operations if code == TRASH and fields[0] in self.nodes]:
            touched[entry_id] = True
            if not self.rows[entry_id]:
                self._end_version(self.nodes[entry_id])
        if not self.alone:
            for entry_id in touched:
                self._show_copies(entry_id)
        self.origins.append((entry.device, entry.sequence, self.seen, entry.sec))

    # Who knew what

    def _covers(self, position):
        """Whether the author knew what was folded at the position."""
        if self.alone or position > len(self.origins):
            return True
        device, sequence, _seen, _sec = self.origins[position - 1]
        return sequence <= (self.entry.sequence if device == self.entry.device else self.seen.get(device, 0))

    def _own_and_latest(self, position):
        if position > len(self.origins):
            return False
        device, _sequence, seen, _sec = self.origins[position - 1]
        return device == self.entry.device and seen == self.seen

    def _known(self, entry_id):
        if entry_id not in self.nodes:
            self.complaints.append(f'{self.entry.what} tells of an entry that nobody created')
        return entry_id in self.nodes

    # Entries

    def _put_node(self, entry_id, wished, origin=None):
        number = wished if 0 < wished < self.OWN_NUMBERS and wished not in self.numbers else self.next_number
        self.next_number += number == self.next_number
        self.numbers.add(number)
        self.nodes[entry_id] = MergedNode(number, origin)
        return self.nodes[entry_id]

    def _create(self, entry_id, number, attributes):
        if entry_id in self.nodes:
            self._attributes(self.nodes[entry_id], attributes)
        else:
            self._put_version(self._put_node(entry_id, number), attributes, None)

    def _attributes(self, node, attributes):
        if node.version is None:
            return
        began, before, head = node.version
        if is_folder(before) != is_folder(attributes):
            return
        attributes = attributes if head is None else self._sized(attributes, head.size)
        if before[:45] + before[65:] != attributes[:45] + attributes[65:]:
            self._put_version(node, attributes, head)
        else:
            node.version = (began, attributes, head)

    def _sized(self, attributes, size):
        return attributes if self.alone else attributes[:37] + U64.pack(size) + attributes[45:]

    def _put_version(self, node, attributes, head):
        if node.version is not None and node.version[0] != self.position:
            node.former = node.version
        node.version = (self.position, attributes, head)

    def _end_version(self, node):
        if node.version is not None and node.version[0] != self.position:
            node.former = node.version
        node.version = None

    def _revive_version(self, entry_id):
        node = self.nodes[entry_id]
        if node.version is None and node.former is not None:
            self._put_version(node, *node.former[1:])

    # Contents

    def _content(self, entry_id, size, content, replaced, touched):
        if not self._known(entry_id):
            return
        self._revive(entry_id)
        touched[entry_id] = True
        node = self.nodes[entry_id]
        if node.heads and node.heads[-1].began == self.position:
            own = node.heads[-1]
            own.size, own.content, own.bases = size, content, replaced
            return
        count = len(node.heads)
        node.heads = [head for head in node.heads if not self._replaces(content, replaced, head, count)]
        node.heads.append(Head(size, content, replaced, self.position))
        if node.version is not None:
            self._put_version(node, self._sized(node.version[1], size), node.heads[-1])

    def _replaces(self, content, replaced, head, count):
        if head.content == content or sha256(head.content) in replaced:
            return True
        if not self._covers(head.began):
            return False
        return count == 1 or head.content == b'' or (self._own_and_latest(head.began) and head.bases == replaced)

    def _show_copies(self, entry_id):
        node, wanted = self.nodes[entry_id], {}
        beside = self.rows[entry_id][0] if self.rows[entry_id] else None
        if len(node.heads) > 1 and beside is not None:
            wanted = {sha256(b'conflict/v1\0' + entry_id + sha256(head.content))[:16]: head for head in node.heads[:-1]}
        for copy in node.copies:
            if not self.rows[copy]:
                continue
            row = self.rows[copy][0]
            if copy in wanted and beside is not None and row.parent == beside.parent and row.began >= beside.began:
                del wanted[copy]
            else:
                self._end_row(row)
                self._give_on(row)
                self._end_version(self.nodes[copy])
        if node.version is None or beside is None:
            return
        for copy, head in wanted.items():
            if copy not in self.nodes:
                self._put_node(copy, 0, entry_id)
                node.copies.append(copy)
            attributes = node.version[1]
            attributes = b'\1' + copy + attributes[17:21] + struct.pack('<I', 1) + attributes[25:37] + U64.pack(head.size) + attributes[45:]
            self._put_version(self.nodes[copy], attributes, head)
            self._put_row(beside.parent, self._conflict_name(beside.parent, beside.raw(), head.began), copy, head.began, 0, b'')

    # Names

    def _put_row(self, parent, name, entry_id, claimed, line, told):
        self.cookie += 1
        row = Row(self.cookie, parent, name, entry_id, self.position, claimed, line, told)
        self.shown[parent, name] = row
        self.rows[entry_id].append(row)
        if told != b'':
            self.told[parent, row.raw()].append(row)
            self.told[parent, row.raw()].sort(key=lambda each: (each.claimed, each.cookie))
            self.below[parent].add(row)

    def _end_row(self, row):
        del self.shown[row.parent, row.name]
        self.rows[row.entry_id].remove(row)
        if row.told != b'':
            self.told[row.parent, row.raw()].remove(row)
            self.below[row.parent].discard(row)
        if row.began != self.position:
            row.ended = self.position
            self.past[row.entry_id].append(row)

    def _past_rows(self, entry_id):
        return sorted(self.past[entry_id], key=lambda row: (-row.ended, -row.cookie))

    def _remove(self, row):
        self._end_row(row)
        self.removed.setdefault(row.entry_id, row)
        self._give_on(row)

    def _give_on(self, row):
        """Who stood beside it has the name for itself now."""
        heirs = [] if self.alone else self.told[row.parent, row.name]
        if heirs:
            self._show_as(heirs[-1], row.name)

    def _show_as(self, row, name):
        self._end_row(row)
        raw = row.raw()
        self._put_row(row.parent, name, row.entry_id, row.claimed, row.line, None if raw == name else raw)

    def _move(self, operations, touched):
        lines = {}
        for at, (code, fields) in enumerate(operations):
            if code not in (UNLINK, MOVE) or fields[0] not in self.nodes or fields[1] not in self.nodes:
                continue
            row = next((each for each in self.told[fields[1], fields[2]] if each.entry_id == fields[0]), None)
            if code == MOVE:
                lines[at] = self._leave(row, *fields[:3])
            elif row is not None and self._covers(row.claimed):
                self._remove(row)
        for at, (code, fields) in enumerate(operations):
            if code in (LINK, MOVE) and self._known(fields[0]) and self._known(fields[-2]):
                self._revive_version(fields[0])
                touched[fields[0]] = True
                self._link(fields[0], fields[-2], fields[-1], lines.get(at, 0))

    def _leave(self, row, entry_id, parent, name):
        """The name that a move is from; its line."""
        if row is not None:
            self._remove(row)
            return row.line
        if self.alone:
            return 0
        left = next((each for each in self._past_rows(entry_id) if each.parent == parent and each.raw() == name), None)
        now = next((each for each in self.rows[entry_id] if left is not None and each.line == left.line), None)
        if now is not None and not self._covers(now.claimed):
            self._remove(now)
        return left.line if left is not None else 0

    def _is_folder(self, entry_id):
        """Or was one, when it ended."""
        version = self.nodes[entry_id].version or self.nodes[entry_id].former
        return version is None or is_folder(version[1])

    def _link(self, entry_id, parent, name, line):
        version = self.nodes[entry_id].version
        is_folder = version is not None and stat.S_ISDIR(attributes_from(version[1]).mode)
        if not self.alone:
            self._revive(parent)
        if entry_id == ROOT_ID or not self._is_folder(parent) or (is_folder and self._is_within(parent, entry_id)):
            self.refused.add(entry_id)
            return
        holders = list(self.told[parent, name])
        if any(row.entry_id == entry_id for row in holders):
            return
        for row in list(self.rows[entry_id]) if is_folder else []:
            self._remove(row)
        for row in holders if self.alone else []:
            self._remove(row)
        shown = self.shown.get((parent, name))
        if shown is not None:
            self._show_as(shown, self._conflict_name(parent, shown.told or name, shown.claimed))
        self._put_row(parent, name, entry_id, self.position, line, None)

    def _restore(self, entry_id, trashed):
        """Undoes removals that took the last name of something that their author did not know whole."""
        if self.rows[entry_id]:
            return
        unknown = any(not self._covers(head.began) for head in self.nodes[entry_id].heads)
        unknowing = not self.alone and (self.below[entry_id] or unknown or (entry_id not in trashed and self._unknown_removal(entry_id)))
        if entry_id in self.refused or unknowing:
            self._return(self.removed[entry_id])

    def _unknown_removal(self, entry_id):
        """Whether another device took away a name that the author believed to be left."""
        lost, lines = set(), set()
        for row in self._past_rows(entry_id):
            if row.line not in lines and not self._covers(row.ended):
                lost.add(row.line)
            lines.add(row.line)
            if row.line in lost and self._covers(row.claimed):
                return True
        return False

    def _revive(self, entry_id):
        """Somebody went on with an entry that was removed: it gets its last name back, and so do the folders above it."""
        if entry_id == ROOT_ID or self.alone or self.rows[entry_id]:
            return
        last = next(iter(self._past_rows(entry_id)), None)
        if last is not None:
            self._revive_version(entry_id)
            self._return(last)

    def _return(self, row):
        home, raw = self._home_for(row.entry_id, row.parent), row.raw()
        taken = (home, raw) in self.shown
        name = self._conflict_name(home, raw, row.claimed) if taken else raw
        self._put_row(home, name, row.entry_id, row.claimed, row.line, raw if taken else None)

    def _home_for(self, entry_id, parent):
        self.returning.add(entry_id)
        if parent not in self.returning and len(self.returning) < self.RETURNING_MAX:
            self._revive(parent)
        self.returning.discard(entry_id)
        has_place = parent == ROOT_ID or self.rows[parent]
        return parent if has_place and not self._is_within(parent, entry_id) else ROOT_ID

    def _is_within(self, folder, entry_id):
        for _ in range(self.DEPTH_MAX):
            if folder == entry_id:
                return True
            if folder == ROOT_ID or not self.rows[folder]:
                return False
            folder = self.rows[folder][0].parent
        return True

    def _conflict_name(self, parent, name, position):
        device, sec = (self.entry.device, self.entry.sec) if position == self.position else (self.origins[position - 1][0], self.origins[position - 1][3])
        dot = name.rfind(b'.')
        stem, extension = (name[:dot], name[dot:]) if dot > 0 and len(name) - dot <= 16 else (name, b'')
        who = self.devices[device].decode(errors='replace').replace('/', '-').replace('\0', '-')[:40].encode()
        when = datetime.datetime.fromtimestamp(sec, datetime.timezone.utc).strftime('%Y-%m-%d %H-%M').encode()
        number = 1
        while True:
            mark = b' (conflict, ' + who + b', ' + when + (b'' if number == 1 else b', %d' % number) + b')'
            found = cut_name(stem, 255 - len(mark) - len(extension)) + mark + extension
            if (parent, found) not in self.shown:
                return found
            number += 1

    # What it comes to

    def view(self):
        """The tree as it is shown."""
        state = State()
        for entry_id, node in self.nodes.items():
            shown = state.nodes[entry_id] = Node(node.number, (node.version or node.former or (0, b'', None))[1])
            shown.ended = node.version is None
            shown.content = None if node.version is None or node.version[2] is None else (node.version[2].size, node.version[2].content)
        for row in self.shown.values():
            state.names[row.parent, row.name] = row.entry_id
            state.nodes[row.entry_id].places.add((row.parent, row.name))
        state.complaints = self.complaints
        return state

    def told_view(self):
        """The tree as the manifest tells it, with all contents: what a state is made of."""
        state = State()
        for entry_id, node in self.nodes.items():
            if node.origin is None:
                told = state.nodes[entry_id] = Node(node.number, (node.version or node.former or (0, b'', None))[1])
                told.ended, told.contents = node.version is None, [(head.size, head.content) for head in node.heads]
        state.shared = [(folder, name, row.entry_id) for (folder, name), rows in self.told.items() for row in rows]
        for folder, name, entry_id in state.shared:
            state.nodes[entry_id].places.add((folder, name))
        return state


def cut_name(name, most):
    """At most so many bytes, never in the middle of a UTF-8 character."""
    if len(name) <= most:
        return name
    for end in range(most, max(most - 4, 0), -1):
        if name[end] & 0xC0 != 0x80:
            return name[:end]
    return name[:most]


def in_order(chains):
    """The entries of all chains by (lamport, device, sequence); none before what its author had seen."""
    left, taken = {chain.device: list(chain.entries) for chain in chains}, collections.Counter()
    while True:
        ready = [entries[0] for entries in left.values() if entries and all(taken[device] >= sequence for device, sequence, _hash in entries[0].dependencies)]
        if not ready:
            return
        entry = min(ready, key=lambda each: (each.lamport, each.device))
        left[entry.device].pop(0)
        taken[entry.device] += 1
        yield entry


class Moment:
    """A published state: one after each entry."""

    def __init__(self, position, entry):
        self.position, self.entry, self.names, self.kept = position, entry, [], True

    def time(self):
        return datetime.datetime.fromtimestamp(self.entry.sec, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')


def period_of(kind, sec, offset_min):
    day, rest = divmod(sec + 60 * offset_min, 86400)
    if kind == 0:
        return day, rest // 3600
    if kind == 1:
        return day
    if kind == 2:
        return (day + 3) // 7   # 1970-01-01 was a Thursday.
    date = datetime.date.fromordinal(719163 + day)
    return date.year, date.month


def forget(moments, now, within, numbers, offset_min, dropped):
    """Which of the moments so far stay (§7.6)."""
    kept = [moment for moment in reversed(moments) if moment.kept]
    for moment in kept:
        moment.names = [name for name in moment.names if name not in dropped]
        moment.kept = bool(moment.names) or now - moment.entry.sec <= within
    moments[-1].kept = True
    for kind, number in enumerate(numbers):
        seen = set()
        for moment in kept:
            period = period_of(kind, moment.entry.sec, offset_min)
            if period not in seen and len(seen) < number:
                seen.add(period)
                moment.kept = True


class History:
    """All moments of a store. `state` folds up to one of them."""

    def __init__(self, entries, keys, report):
        self.entries, self.keys, self.report = entries, keys, report
        self.moments, self.merges = [], len({entry.device for entry in entries}) > 1
        for position, entry in enumerate(entries, 1):
            moment = Moment(position, entry)
            self.moments.append(moment)
            for code, fields in entry.operations:
                if code == SNAPSHOT:
                    moment.names.append(self._free(fields[0]))
            for code, fields in entry.operations:
                if code == FORGET:
                    forget(self.moments, *fields)

    def _free(self, wished):
        """Of two moments that are named alike the later gets a number."""
        taken = {name for moment in self.moments for name in moment.names}
        numbered = (wished + f' ({number})'.encode() for number in range(2, len(taken) + 3))
        return wished if wished not in taken else next(name for name in numbered if name not in taken)

    def find(self, text):
        kept = [moment for moment in self.moments if moment.kept]
        if not self.moments:
            raise Refused('nothing was ever published here')
        if text == 'latest':
            return self.moments[-1]
        name = os.fsencode(text)
        for moment in self.moments:
            if name in moment.names:
                return moment
        if re.fullmatch(r'[0-9]+', text):
            found = [moment for moment in self.moments if moment.position == int(text)]
            if found and not found[0].kept:
                raise Refused(f'{text}: that moment was let go of')
        else:
            before = moment_end(text)
            found = [moment for moment in kept if moment.entry.sec < before][-1:]
        if not found:
            raise Refused(f'{text}: there is no such moment')
        return found[0]

    def state(self, moment, check=True):
        """The tree at a moment. Each state that the chains tell of up to there is compared with what they make."""
        try:
            return self._state(moment, check)
        except Circle:
            self.merges = True
            return self._state(moment, check)

    def _state(self, moment, check):
        told = collections.defaultdict(list)
        for entry in self.entries[:moment.position] if check else []:
            for code, fields in entry.operations:
                if code == STATE:
                    told[frozenset(fields[2])].append((entry, fields[0], fields[1]))
        folding, newest = self._fold([]), {}
        for entry in self.entries[:moment.position]:
            folding.fold(entry)
            newest[entry.device] = (entry.device, entry.sequence, entry.hash)
            self._compare(folding, told.pop(frozenset(newest.values()), []))
        # What a device had is not always a beginning of what all have.
        for cut, tellers in told.items():
            reached = {device: sequence for device, sequence, _hash in cut}
            part = [entry for entry in self.entries if entry.sequence <= reached.get(entry.device, 0)]
            if cut <= {(entry.device, entry.sequence, entry.hash) for entry in part}:
                self._compare(self._fold(part), tellers)
            else:
                self.report.damage(tellers[0][0].what, 'it tells a state of entries that are not there')
        state = folding.view()
        for complaint in state.complaints:
            self.report.note(complaint)
        return state

    def _fold(self, entries):
        folding = Merge() if self.merges else State()
        for entry in entries:
            folding.fold(entry)
        return folding

    def _compare(self, folding, tellers):
        for teller, root, count in tellers:
            if folding.told_view().root(self.keys) != (root, count):
                self.report.damage(teller.what, 'the state that it tells is not the one that the entries make')


def moment_end(text):
    """The first second behind a moment that was told as a time of UTC, to the second, minute or day."""
    for form, seconds in (('%Y-%m-%dT%H:%M:%S', 1), ('%Y-%m-%dT%H-%M-%S', 1), ('%Y-%m-%dT%H:%M', 60), ('%Y-%m-%d', 86400)):
        try:
            moment = datetime.datetime.strptime(text.removesuffix('Z'), form)
        except ValueError:
            continue
        return int(moment.replace(tzinfo=datetime.timezone.utc).timestamp()) + seconds
    raise Refused(f'{text}: neither a snapshot, nor a number of `versions`, nor a time like 2024-05-01T14:30:05Z')


# ---- LOG.md, §10: what is not published yet

LogRecord = collections.namedtuple('LogRecord', 'end lsn kind synced payload body tag')
Payload = collections.namedtuple('Payload', 'segment position length lsn generation ino offset')
Segment = collections.namedtuple('Segment', 'data number generation first before before_end synced before_tag tag')
SYNC_MARK, IMAGES, EXTENT, SPLICE, PUBLISHED, MARK, ANNOUNCED, HELD_EXTENT, HELD_SPLICE, GROUP_END = range(10)


class Log:
    """The records of one device's log, verified. Where it was torn by a crash it ends; what was synced has to be there."""

    def __init__(self, folder, keys, device):
        self.folder, self.key, self.owner = folder, keys.log, keys.vault_id + device
        self.segments = {}

    def records(self):
        chain = self._chain()
        found, synced, lsn = [], 0, chain[0].first - 1 if chain else 0
        for at, segment in enumerate(chain):
            following = chain[at + 1] if at + 1 < len(chain) else None
            position, tag, synced = 4096, segment.tag, max(synced, segment.synced)
            while following is None or position < following.before_end:
                record = self._record(segment, position, lsn, tag)
                if record is None:
                    break
                found.append((segment.number, position, record))
                position, tag, lsn, synced = record.end, record.tag, record.lsn, max(synced, record.synced)
            joined = following is not None and (position, lsn + 1, tag) == (following.before_end, following.first, following.before_tag)
            if not joined or following.generation < segment.generation:
                self._refuse_damage(segment, position, lsn, chain[at + 1:])
                break
        return self._without_torn(found, synced)

    def _without_torn(self, found, synced):
        """A head may have come to the disk without its payload; of what was synced payloads are verified when they are read."""
        whole = []
        for number, position, record in found:
            if record.payload is not None and record.lsn > synced and not self._whole(record):
                self._refuse_damage(self.segments[number], position, record.lsn - 1, [])
                break
            if record.kind > GROUP_END:
                raise UnknownFormat(f'log record {record.lsn} is of kind {record.kind}')
            if record.kind != SYNC_MARK:
                whole.append(record)
        return whole

    def _whole(self, record):
        try:
            place, tag = record.payload
            self.payload(place)
            end = place.position + place.length + 40
            return self.segments[place.segment].data[end - 16:end] == tag
        except Damage:
            return False

    def payload(self, place):
        """The bytes of an extent."""
        what = f'log record {place.lsn}'
        if place.segment not in self.segments:
            raise Damage(f'{what}: its segment is not there')
        sealed = self.segments[place.segment].data[place.position:place.position + place.length + 40]
        associated = self.owner + b'log-extent' + b''.join(map(U64.pack, (place.generation, place.ino, place.offset, place.length)))
        return unseal(self.key, associated, sealed, f'the payload of {what}')

    def _chain(self):
        """Back from the newest segment; oldest first."""
        names = [name for name in os.listdir(self.folder) if re.fullmatch(r'[0-9]{12,}\.log', name)] if os.path.isdir(self.folder) else []
        numbers = sorted(int(name[:-4]) for name in names)
        chain = []
        for number in reversed(numbers):
            segment = self._segment(number)
            if chain and number != chain[-1].before:
                continue
            if segment is not None:
                chain.append(segment)
            elif chain:
                raise Damage(f'log segment {number}: its header is damaged')
        return chain[::-1]

    def _segment(self, number):
        with open(os.path.join(self.folder, f'{number:012}.log'), 'rb') as file:
            data = file.read()
        try:
            aead_open(self.key, data[128:152], b'log-segment' + data[:128], data[152:168], 'a header')
        except Damage:
            return None
        if data[:8] != b'VAULTLOG' or struct.unpack_from('<HHI', data, 8) != (1, 1, 4096):
            raise UnknownFormat(f'log segment {number} is of another version')
        fields = struct.unpack_from('<6Q', data, 64)
        if data[16:64] != self.owner or fields[0] != number:
            return None
        self.segments[number] = Segment(data, *fields, data[112:128], data[152:168])
        return self.segments[number]

    def _record(self, segment, at, lsn, tag):
        """The record at a place, if it follows."""
        record = self._opened(segment, at)
        if record is None or segment.data[at + 40:at + 56] != tag or U64.unpack_from(segment.data, at + 24)[0] != segment.generation:
            return None
        return record if record.lsn == (lsn if record.kind == SYNC_MARK else lsn + 1) else None

    def _opened(self, segment, at):
        """The record at a place, if it verifies by itself."""
        data = segment.data
        if data[at:at + 4] != b'VLR1' or at + 96 > len(data):
            return None
        head_length, payload_length, zero = struct.unpack_from('<3I', data, at + 4)
        number, generation, lsn = struct.unpack_from('<3Q', data, at + 16)
        end = at + 96 + head_length + payload_length
        if zero or number != segment.number or end > len(data) or head_length < (56 if payload_length else 16) or 0 < payload_length < 40:
            return None
        try:
            head = aead_open(self.key, data[at + 56:at + 80], self.owner + b'log-head' + data[at:at + 56], data[at + 80:at + 96 + head_length], 'a record')
        except Damage:
            return None
        kind, _zero, synced = struct.unpack_from('<IIQ', head)
        payload = None
        if payload_length:
            ino, offset, length = struct.unpack_from('<3Q', head, 16)
            if length + 40 != payload_length:
                return None
            payload = Payload(number, at + 96 + head_length, length, lsn, generation, ino, offset), head[40:56]
        return LogRecord(-(-end // 16) * 16, lsn, kind, synced, payload, head[56 if payload else 16:], data[at + 80 + head_length:at + 96 + head_length])

    def _refuse_damage(self, segment, position, lsn, following):
        """Torn or damaged (LOG.md §5): whether anything behind the end says that what is missing was synced."""
        said = [each.synced for each in following]
        for each, start in [(segment, position), *((each, 4096) for each in following)]:
            at = each.data.find(b'VLR1', start)
            while at >= 0:
                record = self._opened(each, at) if at % 16 == 0 else None
                if record is not None:
                    said.append(record.synced)
                at = each.data.find(b'VLR1', at + 1)
        if any(synced > lsn for synced in said):
            raise Damage(f'log segment {segment.number}, byte {position}: record {lsn + 1} does not verify, although it had been synced')


class Replay:
    """Lays a log over the newest published state (§10.8)."""

    def __init__(self, state, log):
        self.state, self.log = state, log
        # Of each file what waits for the end of its group (§10.3).
        self.held = collections.defaultdict(list)
        self.ids = {node.number: entry_id for entry_id, node in state.nodes.items() if not node.ended}

    def run(self):
        for record in self.log.records():
            try:
                self._apply(record)
            except (struct.error, IndexError):
                raise Damage(f'log record {record.lsn} is cut short') from None

    def _apply(self, record):
        if record.kind == IMAGES:
            self._images(record.body)
        elif record.kind in (EXTENT, SPLICE):
            self._content(record)
        elif record.kind in (HELD_EXTENT, HELD_SPLICE):
            self.held[Cursor(record.body, f'log record {record.lsn}').varint()].append(record)
        elif record.kind == GROUP_END:
            body = Cursor(record.body, f'log record {record.lsn}')
            first, ino = body.varint(), body.varint()
            for each in self.held.pop(ino, []):
                if each.lsn >= first:
                    self._content(each)
            body.varint(), body.varint()
            self._settle(ino, body)
        elif record.kind == PUBLISHED:
            body = Cursor(record.body, f'log record {record.lsn}')
            body.varint()
            for _ in range(body.varint()):
                ino, through, content = body.varint(), body.varint(), body.prefixed(65536)
                if (node := self._node(ino)) is not None:
                    node.content = (node.size(), content)
                    node.overlay = [piece for piece in node.overlay if piece[2] > through]

    def _node(self, ino):
        """None: it ended later in the log."""
        return self.state.nodes.get(self.ids.get(ino))

    def _images(self, body):
        at, names, gone = 0, [], []
        while at < len(body):
            kind, ino = body[at], U64.unpack_from(body, at + 1)[0]
            if kind == 1:
                at = self._entry(body, at + 9, ino)
            elif kind == 2:
                gone.append(ino)
                at += 25
            elif kind == 3:
                end = at + 68 + struct.unpack_from('<H', body, at + 66)[0]
                names.append((body[at + 33:at + 49], U64.unpack_from(body, at + 9)[0], body[at + 68:end]))
                at = end
            else:
                raise UnknownFormat(f'the log has an image of kind {kind}')
        for parent, ino, name in names:
            self._name((parent, name), ino)
        for ino in gone:
            if (node := self._node(ino)) is not None:
                node.ended = True
                for place in list(node.places):
                    self.state.leave(place)
                del self.state.nodes[self.ids.pop(ino)]

    def _entry(self, body, at, ino):
        flags, start = body[at], at + 1
        end = start + 115 + struct.unpack_from('<H', body, start + 113)[0]
        record, xattrs = body[start:end], None
        if flags & 1:
            length, = struct.unpack_from('<I', body, end)
            xattrs = body[end + 4:end + 4 + length]
            end += 4 + length
        entry_id = record[1:17]
        node = self.state.nodes.setdefault(entry_id, Node(ino, record))
        if xattrs is None:
            xattrs = node.attributes[115 + struct.unpack_from('<H', node.attributes, 113)[0]:]
        node.ended, node.attributes = False, record + xattrs
        self.ids[ino] = entry_id
        return end

    def _name(self, place, ino):
        entry_id = self.ids.get(ino)
        if self.state.names.get(place) == entry_id and entry_id is not None:
            return
        if place in self.state.names:
            self.state.leave(place)
        # What the log says of an entry that ended later in it may come after its end was published.
        if entry_id is not None:
            self.state.names[place] = entry_id
            self.state.nodes[entry_id].places.add(place)

    def _content(self, record):
        body = Cursor(record.body, f'log record {record.lsn}')
        ino, start, length = (body.varint() for _ in range(3))
        told = body.varint(), [(body.varint() - (1 << 40), body.varint()) for _ in range(2)]
        node = self._node(ino)
        if node is None:
            return
        if record.kind in (EXTENT, HELD_EXTENT):
            if record.payload is None:
                raise Damage(f'log record {record.lsn} lacks its data')
            self._lay(node, start, length, record.lsn, (record.payload[0], 0))
        else:
            for _ in range(body.varint()):
                part, skip, kind = body.varint(), body.varint(), body.number(1)
                if kind == 0:
                    source = None
                elif kind == 1:
                    source = (reference_from(body.take(110)), skip)
                elif kind == 2:
                    source = (Payload(*(body.varint() for _ in range(7))), skip)
                else:
                    raise UnknownFormat(f'log record {record.lsn} has a part of kind {kind}')
                self._lay(node, start, part, record.lsn, source)
                start += part
        body.end()
        if record.kind in (EXTENT, SPLICE):
            self._set(node, *told)

    def _settle(self, ino, body):
        told = body.varint(), [(body.varint() - (1 << 40), body.varint()) for _ in range(2)]
        body.end()
        if (node := self._node(ino)) is not None:
            self._set(node, *told)

    @staticmethod
    def _set(node, size, times):
        stamps = b''.join(struct.pack('<qI', *time) for time in times)
        node.attributes = node.attributes[:37] + U64.pack(size) + node.attributes[45:65] + stamps + node.attributes[89:]

    def _lay(self, node, start, length, lsn, source):
        """Over what was laid there before."""
        end, kept = start + length, []
        if length == 0:
            return
        for piece in node.overlay:
            if piece[0] < start:
                kept.append((piece[0], min(piece[1], start), piece[2], piece[3]))
            if piece[1] > end:
                kept.append((max(piece[0], end), piece[1], piece[2], shifted(piece[3], max(end - piece[0], 0))))
        node.overlay = sorted([*(piece for piece in kept if piece[0] < piece[1]), (start, end, lsn, Laid(self.log, source))], key=lambda piece: piece[0])


class Laid:
    """Bytes that the log lays over a content: from a source and an offset in it, or a hole."""

    def __init__(self, log, source):
        self.log, self.source = log, source

    def bytes(self, length, blobs):
        if self.source is None:
            return None
        of, skip = self.source
        plain = blobs.open(of) if isinstance(of, Reference) else self.log.payload(of)
        if skip + length > len(plain):
            raise Damage('the log names bytes beyond the end of what has them')
        return plain[skip:skip + length]


def shifted(laid, count):
    return laid if laid.source is None else Laid(laid.log, (laid.source[0], laid.source[1] + count))


def overlaid(runs, overlay, size, blobs):
    """The runs of a content with what the log lays over them, up to `size`."""
    if not overlay:
        yield from runs
        return
    at, pieces_left = 0, [piece for piece in overlay if piece[0] < size]
    runs = iter(runs)
    length, data = 0, None
    while at < size:
        if length == 0:
            length, data = next(runs, (size - at, None))
            continue
        piece = pieces_left[0] if pieces_left else None
        if piece is not None and piece[0] <= at:
            step = min(length, piece[1] - at)
            laid = shifted(piece[3], at - piece[0])
            yield step, laid.bytes(step, blobs)
            if at + step == piece[1]:
                pieces_left.pop(0)
        else:
            step = min(length, piece[0] - at) if piece is not None else length
            yield step, data and data[:step]
        data = data and data[step:]
        at, length = at + step, length - step


# ---- A store

class Store:
    def __init__(self, path, secret, report, check_ids=True):
        self.path, self.report = path, report
        # A node has one header, no device of its own, no marks, and this file instead (§11).
        self.is_node = os.path.exists(os.path.join(path, 'members'))
        self.header, self.keys = self._open(secret)
        if not self.keys.header_trusted:
            report.damage(self.header.what, 'its MAC is wrong: it was changed by somebody who does not have the master key')
        self.blobs = Blobs(path, self.keys, report, check_ids)
        self.members, self.device = {}, None
        self._device_file()
        sound = len(report.damaged)
        self.history = History(self._entries(), self.keys, report)
        self.whole = len(report.damaged) == sound

    def _open(self, secret):
        """Of the two copies the newer one that is whole."""
        headers, unknown = [], None
        for name in ('header',) if self.is_node else ('header', 'header.backup'):
            try:
                with open(os.path.join(self.path, name), 'rb') as file:
                    headers.append(Header(file.read(65537), name))
            except FileNotFoundError:
                self.report.damage(name, 'it is not there')
            except Damage as why:
                self.report.damage(name, why)
            except UnknownFormat as why:
                unknown = why
        if unknown is not None:
            raise unknown
        if not headers:
            raise Damage(f'{self.path}: no header of a vault that is whole')
        header = max(headers, key=lambda header: header.generation)
        return header, Keys(header, header.open_master(secret))

    def _device_file(self):
        if self.is_node:
            self._members_file()
            return
        try:
            with open(os.path.join(self.path, 'device'), 'rb') as file:
                member = member_of_device_file(file.read(4096), self.keys, self.header.owner)
            self.members[member.device], self.device = member, member.device
        except FileNotFoundError:
            self.report.note('there is no file "device"; the manifest has to say whose signatures its entries have')
        except Damage as why:
            self.report.damage('device', why)

    def _members_file(self):
        with open(os.path.join(self.path, 'members'), 'rb') as file:
            records = Cursor(file.read(1 << 20), 'the file "members"')
        try:
            while records.at < len(records.data):
                member = Member(records.prefixed(512), self.keys, self.header.owner, 'a record in the file "members"')
                self.members[member.device] = member
        except Damage as why:
            self.report.damage('members', why)

    def state(self, options):
        """The tree that was asked for."""
        if options.with_log and options.at != 'latest':
            raise Refused('--with-log: the log goes over the latest state only')
        if options.with_log and not self.whole:
            # Over an older state it would make files that never were.
            raise Damage('--with-log: the log goes over the newest state, which is damaged; without it, the newest that is sound can be read')
        if options.with_log and not self.history.moments:
            state = State()
        else:
            state = self.history.state(self.history.find(options.at), not options.skip_ids)
        if options.with_log:
            device = self.device or (self.history.entries[-1].device if self.history.entries else None)
            if device is None:
                raise Refused('nothing says which device the log is of: the file "device" is needed')
            Replay(state, Log(os.path.join(self.path, 'log'), self.keys, device)).run()
        return state

    def _entries(self):
        folder = os.path.join(self.path, 'manifest')
        names = sorted(name[:-6] for name in os.listdir(folder) if re.fullmatch(r'[0-9a-f]{32}\.chain', name))
        chains = [Chain(folder, bytes.fromhex(name), self.keys, self.report, not self.is_node) for name in names]
        for chain in chains:
            for entry in chain.entries:
                for code, fields in entry.operations:
                    if code == MEMBER:
                        member = Member(fields[0], self.keys, self.header.owner, f'the member record in {entry.what}')
                        self.members[member.device] = member
        for chain in chains:
            member = self.members.get(chain.device)
            chain.verify(member and member.sign_key, self.report)
        chains = [chain for chain in chains if chain.entries]
        entries = list(in_order(chains))
        for chain in chains:
            if len(chain.entries) > sum(entry.device == chain.device for entry in entries):
                self.report.damage(f'manifest {chain.name}', 'its newest entries follow entries of other devices that are not there')
        return entries


# ---- What is printed, and where it goes

def shown(name):
    """Bytes of a name as text that moves no cursor."""
    return ''.join(c if c.isprintable() and not 0xDC80 <= ord(c) <= 0xDCFF and c != '\\' else ''.join(f'\\x{b:02x}' for b in os.fsencode(c)) for c in os.fsdecode(name))


KINDS = {stat.S_IFREG: 'file', stat.S_IFDIR: 'directory', stat.S_IFLNK: 'symlink', stat.S_IFIFO: 'fifo', stat.S_IFSOCK: 'socket',
         stat.S_IFCHR: 'character', stat.S_IFBLK: 'block'}


def walk(state, start):
    """Yields (path, entry id), folders before what is in them; the start has the path b''."""
    children = state.children()
    stack = [(b'', start)]
    while stack:
        path, entry_id = stack.pop()
        yield path, entry_id
        below = path + b'/' if path else b''
        stack.extend((below + name, child) for name, child in reversed(children[entry_id]))


def list_command(store, options):
    state = store.state(options)
    start = state.at(os.fsencode(options.path))
    base = b'/'.join(name for name in os.fsencode(options.path).split(b'/') if name not in (b'', b'.'))
    for path, entry_id in walk(state, start):
        node = state.nodes[entry_id]
        attributes = attributes_from(node.attributes)
        full = b'/'.join(part for part in (base, path) if part)
        digest = None
        if options.sha256 and stat.S_ISREG(attributes.mode):
            try:
                digest = digest_of(node, store.blobs)
            except Damage as why:
                store.report.damage(shown(full), why)
        print_entry(full, node, attributes, digest, options.json)


def print_entry(path, node, attributes, digest, as_json):
    mtime = datetime.datetime.fromtimestamp(0, datetime.timezone.utc) + datetime.timedelta(seconds=attributes.mtime // 10**9)
    if not as_json:
        target = f' -> {shown(attributes.target)}' if stat.S_ISLNK(attributes.mode) else ''
        start = f'{digest}  ' if digest else ''
        print(f'{start}{stat.filemode(attributes.mode)} {len(node.places)} {attributes.uid} {attributes.gid} {node.size()} {mtime:%Y-%m-%dT%H:%M:%SZ} {shown(path) or "."}{target}')
        return
    # Bytes as text: one character U+0000 to U+00FF each.
    text = {name: value.decode('latin-1') for name, value in (('path', path), ('target', attributes.target))}
    print(json.dumps({
        **text, 'kind': KINDS[stat.S_IFMT(attributes.mode)], 'mode': stat.S_IMODE(attributes.mode), 'uid': attributes.uid, 'gid': attributes.gid,
        'links': len(node.places), 'size': node.size(), 'device': attributes.device, 'mtimeNs': str(attributes.mtime), 'sha256': digest,
        'xattrs': {name.decode('latin-1'): value.hex() for name, value in sorted(attributes.xattrs.items())},
    }))


def digest_of(node, blobs):
    digest = hashlib.sha256()
    for length, data in pieces(node, blobs):
        for at in range(0, length, 1 << 20):
            digest.update(bytes(min(1 << 20, length - at)) if data is None else data[at:at + (1 << 20)])
    return digest.hexdigest()


def pieces(node, blobs):
    """All of a file, as (length, bytes or None for a hole). Its size may be more than its content covers, or less."""
    left = node.size()
    for length, data in overlaid(content_runs(node.content[1] if node.content else b'', blobs), node.overlay, left, blobs):
        length = min(length, left)
        left -= length
        yield length, data and data[:length]
    if left > 0:
        yield left, None


class Restorer:
    """Puts a state below a new folder. A file appears whole or not at all."""

    def __init__(self, store, state):
        self.store, self.state, self.first, self.failed = store, state, {}, {}
        self.unset = collections.Counter()

    def restore(self, start, out, name):
        """The entry `start` becomes the folder `out`; what is no folder is put into it as `name`."""
        if os.path.lexists(out) and (not os.path.isdir(out) or os.listdir(out)):
            raise Refused(f'{os.fsdecode(out)} is there already, and not an empty folder')
        os.makedirs(out, mode=0o700, exist_ok=True)
        folders = []
        is_folder = stat.S_ISDIR(attributes_from(self.state.nodes[start].attributes).mode)
        for path, entry_id in walk(self.state, start):
            node = self.state.nodes[entry_id]
            attributes = attributes_from(node.attributes)
            target = os.path.join(out, path) if path else (out if is_folder else os.path.join(out, name))
            if stat.S_ISDIR(attributes.mode):
                if path:
                    os.mkdir(target, 0o700)
                folders.append((target, attributes))
            else:
                self._one(entry_id, node, attributes, target, path or name)
        # The innermost first: what is put into a folder changes its time.
        for target, attributes in reversed(folders):
            self._dress(target, attributes)
        for what, count in sorted(self.unset.items()):
            Report.note(f'{what} could not be set here ({count} times)')

    def _one(self, entry_id, node, attributes, target, path):
        if entry_id in self.failed:
            self.store.report.damage(shown(path), self.failed[entry_id])
        elif entry_id in self.first:
            os.link(self.first[entry_id], target, follow_symlinks=False)
        else:
            try:
                if self._make(node, attributes, target):
                    self.first[entry_id] = target
                    self._dress(target, attributes)
            except Damage as why:
                if os.path.lexists(target):
                    os.unlink(target)
                self.failed[entry_id] = str(why)
                self.store.report.damage(shown(path), why)

    def _make(self, node, attributes, target):
        """False when this machine or user can't have such an entry."""
        if stat.S_ISREG(attributes.mode):
            self._write(node, target)
        elif stat.S_ISLNK(attributes.mode):
            os.symlink(attributes.target, target)
        else:
            try:
                # As the kernel tells user space: 12 bits of major, 20 of minor.
                number = os.makedev(attributes.device >> 8 & 0xFFF, attributes.device & 0xFF | attributes.device >> 12 & 0xFFF00)
                os.mknod(target, stat.S_IFMT(attributes.mode) | 0o600, number)
            except OSError:
                self.unset[f'a {KINDS[stat.S_IFMT(attributes.mode)]} special file'] += 1
                return False
        return True

    def _write(self, node, target):
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), 'wb') as file:
            for length, data in pieces(node, self.store.blobs):
                if data is None:
                    file.seek(length, os.SEEK_CUR)
                else:
                    file.write(data)
            file.truncate(node.size())

    def _dress(self, target, attributes):
        """Owner before mode (changing it clears set-uid), xattrs while it may still be written, times last."""
        link = stat.S_ISLNK(attributes.mode)
        self._try('an owner', os.chown, target, attributes.uid, attributes.gid, follow_symlinks=False)
        for name, value in attributes.xattrs.items():
            # A name without a dot is no program's; flags of chattr(1) could make it immutable before all is done.
            if b'.' in name:
                self._try(f'the attribute {shown(name)}', os.setxattr, target, name, value, follow_symlinks=False)
        if not link:
            self._try('a mode', os.chmod, target, stat.S_IMODE(attributes.mode))
        self._try('a time', os.utime, target, ns=(attributes.atime, attributes.mtime), follow_symlinks=False)

    def _try(self, what, call, *args, **options):
        try:
            call(*args, **options)
        except OSError:
            self.unset[what] += 1


def versions_command(store, options):
    for moment in store.history.moments:
        if moment.kept or options.all:
            names = [os.fsdecode(name) for name in moment.names]
            if options.json:
                print(json.dumps({'position': moment.position, 'sec': moment.entry.sec, 'nsec': moment.entry.nsec, 'device': moment.entry.device.hex(),
                                  'sequence': moment.entry.sequence, 'names': names, 'kept': moment.kept}))
            else:
                print(f'{moment.position:>6}  {moment.time()}  {"" if moment.kept else "let go of  "}{"  ".join(map(shown, moment.names))}'.rstrip())


def restore_command(store, options):
    state = store.state(options)
    path = os.fsencode(options.path)
    start = state.at(path)
    Restorer(store, state).restore(start, os.fsencode(options.out), path.rstrip(b'/').split(b'/')[-1])


def arguments():
    parser = argparse.ArgumentParser(prog='vaultfs_reader.py', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    versions = commands.add_parser('versions', help='list the states that are kept')
    versions.add_argument('--all', action='store_true', help='also those that were let go of')
    listing = commands.add_parser('list', help='list a state')
    restore = commands.add_parser('restore', help='put a state into a new folder')
    for command in (versions, listing, restore):
        command.add_argument('store', help='the folder with the file "header", or a copy of it')
        secret = command.add_mutually_exclusive_group(required=True)
        secret.add_argument('--passphrase-file', metavar='F')
        secret.add_argument('--kit-file', metavar='F', help='the 24 words')
        command.add_argument('--skip-ids', action='store_true', help='do not compute BLAKE3 (about 10 MiB/s): signatures, hashes of ciphertext and seals are verified all the same')
    restore.add_argument('out', help='a folder that is not there yet, or empty')
    for command in (listing, restore):
        command.add_argument('path', nargs='?', default='', help='from the root of the vault')
        command.add_argument('--at', default='latest', metavar='MOMENT', help="a snapshot's name, a number that `versions` shows, or a time of UTC, the newest state up to which is meant")
    for command in (listing, restore):
        command.add_argument('--with-log', action='store_true', help='with what is in the log and was not published yet')
    for command in (versions, listing):
        command.add_argument('--json', action='store_true', help='one object a line; bytes of names as characters U+0000 to U+00FF')
    listing.add_argument('--sha256', action='store_true', help='read all files, too')
    return parser.parse_args()


def main():
    options = arguments()
    report = Report()
    try:
        secret = Passphrase(passphrase_from(options.passphrase_file)) if options.passphrase_file else Kit(kit_from(options.kit_file))
        store = Store(options.store, secret, report, not options.skip_ids)
        {'versions': versions_command, 'list': list_command, 'restore': restore_command}[options.command](store, options)
    except (Damage, Refused, WrongSecret, UnknownFormat) as why:
        print(f'vaultfs_reader: {why}', file=sys.stderr)
        return why.exit_code
    except OSError as why:
        print(f'vaultfs_reader: {why}', file=sys.stderr)
        return 2
    return 1 if report.damaged else 0


# ---- §5.4 The words of BIP-39, in English

WORDS = """
abandon ability able about above absent absorb abstract absurd abuse access accident account accuse achieve acid acoustic acquire across act action
actor actress actual adapt add addict address adjust admit adult advance advice aerobic affair afford afraid again age agent agree ahead aim air
airport aisle alarm album alcohol alert alien all alley allow almost alone alpha already also alter always amateur amazing among amount amused
analyst anchor ancient anger angle angry animal ankle announce annual another answer antenna antique anxiety any apart apology appear apple approve
april arch arctic area arena argue arm armed armor army around arrange arrest arrive arrow art artefact artist artwork ask aspect assault asset
assist assume asthma athlete atom attack attend attitude attract auction audit august aunt author auto autumn average avocado avoid awake aware away
awesome awful awkward axis baby bachelor bacon badge bag balance balcony ball bamboo banana banner bar barely bargain barrel base basic basket battle
beach bean beauty because become beef before begin behave behind believe below belt bench benefit best betray better between beyond bicycle bid bike
bind biology bird birth bitter black blade blame blanket blast bleak bless blind blood blossom blouse blue blur blush board boat body boil bomb bone
bonus book boost border boring borrow boss bottom bounce box boy bracket brain brand brass brave bread breeze brick bridge brief bright bring brisk
broccoli broken bronze broom brother brown brush bubble buddy budget buffalo build bulb bulk bullet bundle bunker burden burger burst bus business
busy butter buyer buzz cabbage cabin cable cactus cage cake call calm camera camp can canal cancel candy cannon canoe canvas canyon capable capital
captain car carbon card cargo carpet carry cart case cash casino castle casual cat catalog catch category cattle caught cause caution cave ceiling
celery cement census century cereal certain chair chalk champion change chaos chapter charge chase chat cheap check cheese chef cherry chest chicken
chief child chimney choice choose chronic chuckle chunk churn cigar cinnamon circle citizen city civil claim clap clarify claw clay clean clerk
clever click client cliff climb clinic clip clock clog close cloth cloud clown club clump cluster clutch coach coast coconut code coffee coil coin
collect color column combine come comfort comic common company concert conduct confirm congress connect consider control convince cook cool copper
copy coral core corn correct cost cotton couch country couple course cousin cover coyote crack cradle craft cram crane crash crater crawl crazy cream
credit creek crew cricket crime crisp critic crop cross crouch crowd crucial cruel cruise crumble crunch crush cry crystal cube culture cup cupboard
curious current curtain curve cushion custom cute cycle dad damage damp dance danger daring dash daughter dawn day deal debate debris decade december
decide decline decorate decrease deer defense define defy degree delay deliver demand demise denial dentist deny depart depend deposit depth deputy
derive describe desert design desk despair destroy detail detect develop device devote diagram dial diamond diary dice diesel diet differ digital
dignity dilemma dinner dinosaur direct dirt disagree discover disease dish dismiss disorder display distance divert divide divorce dizzy doctor
document dog doll dolphin domain donate donkey donor door dose double dove draft dragon drama drastic draw dream dress drift drill drink drip drive
drop drum dry duck dumb dune during dust dutch duty dwarf dynamic eager eagle early earn earth easily east easy echo ecology economy edge edit
educate effort egg eight either elbow elder electric elegant element elephant elevator elite else embark embody embrace emerge emotion employ empower
empty enable enact end endless endorse enemy energy enforce engage engine enhance enjoy enlist enough enrich enroll ensure enter entire entry
envelope episode equal equip era erase erode erosion error erupt escape essay essence estate eternal ethics evidence evil evoke evolve exact example
excess exchange excite exclude excuse execute exercise exhaust exhibit exile exist exit exotic expand expect expire explain expose express extend
extra eye eyebrow fabric face faculty fade faint faith fall false fame family famous fan fancy fantasy farm fashion fat fatal father fatigue fault
favorite feature february federal fee feed feel female fence festival fetch fever few fiber fiction field figure file film filter final find fine
finger finish fire firm first fiscal fish fit fitness fix flag flame flash flat flavor flee flight flip float flock floor flower fluid flush fly foam
focus fog foil fold follow food foot force forest forget fork fortune forum forward fossil foster found fox fragile frame frequent fresh friend
fringe frog front frost frown frozen fruit fuel fun funny furnace fury future gadget gain galaxy gallery game gap garage garbage garden garlic
garment gas gasp gate gather gauge gaze general genius genre gentle genuine gesture ghost giant gift giggle ginger giraffe girl give glad glance
glare glass glide glimpse globe gloom glory glove glow glue goat goddess gold good goose gorilla gospel gossip govern gown grab grace grain grant
grape grass gravity great green grid grief grit grocery group grow grunt guard guess guide guilt guitar gun gym habit hair half hammer hamster hand
happy harbor hard harsh harvest hat have hawk hazard head health heart heavy hedgehog height hello helmet help hen hero hidden high hill hint hip
hire history hobby hockey hold hole holiday hollow home honey hood hope horn horror horse hospital host hotel hour hover hub huge human humble humor
hundred hungry hunt hurdle hurry hurt husband hybrid ice icon idea identify idle ignore ill illegal illness image imitate immense immune impact
impose improve impulse inch include income increase index indicate indoor industry infant inflict inform inhale inherit initial inject injury inmate
inner innocent input inquiry insane insect inside inspire install intact interest into invest invite involve iron island isolate issue item ivory
jacket jaguar jar jazz jealous jeans jelly jewel job join joke journey joy judge juice jump jungle junior junk just kangaroo keen keep ketchup key
kick kid kidney kind kingdom kiss kit kitchen kite kitten kiwi knee knife knock know lab label labor ladder lady lake lamp language laptop large
later latin laugh laundry lava law lawn lawsuit layer lazy leader leaf learn leave lecture left leg legal legend leisure lemon lend length lens
leopard lesson letter level liar liberty library license life lift light like limb limit link lion liquid list little live lizard load loan lobster
local lock logic lonely long loop lottery loud lounge love loyal lucky luggage lumber lunar lunch luxury lyrics machine mad magic magnet maid mail
main major make mammal man manage mandate mango mansion manual maple marble march margin marine market marriage mask mass master match material math
matrix matter maximum maze meadow mean measure meat mechanic medal media melody melt member memory mention menu mercy merge merit merry mesh message
metal method middle midnight milk million mimic mind minimum minor minute miracle mirror misery miss mistake mix mixed mixture mobile model modify
mom moment monitor monkey monster month moon moral more morning mosquito mother motion motor mountain mouse move movie much muffin mule multiply
muscle museum mushroom music must mutual myself mystery myth naive name napkin narrow nasty nation nature near neck need negative neglect neither
nephew nerve nest net network neutral never news next nice night noble noise nominee noodle normal north nose notable note nothing notice novel now
nuclear number nurse nut oak obey object oblige obscure observe obtain obvious occur ocean october odor off offer office often oil okay old olive
olympic omit once one onion online only open opera opinion oppose option orange orbit orchard order ordinary organ orient original orphan ostrich
other outdoor outer output outside oval oven over own owner oxygen oyster ozone pact paddle page pair palace palm panda panel panic panther paper
parade parent park parrot party pass patch path patient patrol pattern pause pave payment peace peanut pear peasant pelican pen penalty pencil people
pepper perfect permit person pet phone photo phrase physical piano picnic picture piece pig pigeon pill pilot pink pioneer pipe pistol pitch pizza
place planet plastic plate play please pledge pluck plug plunge poem poet point polar pole police pond pony pool popular portion position possible
post potato pottery poverty powder power practice praise predict prefer prepare present pretty prevent price pride primary print priority prison
private prize problem process produce profit program project promote proof property prosper protect proud provide public pudding pull pulp pulse
pumpkin punch pupil puppy purchase purity purpose purse push put puzzle pyramid quality quantum quarter question quick quit quiz quote rabbit raccoon
race rack radar radio rail rain raise rally ramp ranch random range rapid rare rate rather raven raw razor ready real reason rebel rebuild recall
receive recipe record recycle reduce reflect reform refuse region regret regular reject relax release relief rely remain remember remind remove
render renew rent reopen repair repeat replace report require rescue resemble resist resource response result retire retreat return reunion reveal
review reward rhythm rib ribbon rice rich ride ridge rifle right rigid ring riot ripple risk ritual rival river road roast robot robust rocket
romance roof rookie room rose rotate rough round route royal rubber rude rug rule run runway rural sad saddle sadness safe sail salad salmon salon
salt salute same sample sand satisfy satoshi sauce sausage save say scale scan scare scatter scene scheme school science scissors scorpion scout
scrap screen script scrub sea search season seat second secret section security seed seek segment select sell seminar senior sense sentence series
service session settle setup seven shadow shaft shallow share shed shell sheriff shield shift shine ship shiver shock shoe shoot shop short shoulder
shove shrimp shrug shuffle shy sibling sick side siege sight sign silent silk silly silver similar simple since sing siren sister situate six size
skate sketch ski skill skin skirt skull slab slam sleep slender slice slide slight slim slogan slot slow slush small smart smile smoke smooth snack
snake snap sniff snow soap soccer social sock soda soft solar soldier solid solution solve someone song soon sorry sort soul sound soup source south
space spare spatial spawn speak special speed spell spend sphere spice spider spike spin spirit split spoil sponsor spoon sport spot spray spread
spring spy square squeeze squirrel stable stadium staff stage stairs stamp stand start state stay steak steel stem step stereo stick still sting
stock stomach stone stool story stove strategy street strike strong struggle student stuff stumble style subject submit subway success such sudden
suffer sugar suggest suit summer sun sunny sunset super supply supreme sure surface surge surprise surround survey suspect sustain swallow swamp swap
swarm swear sweet swift swim swing switch sword symbol symptom syrup system table tackle tag tail talent talk tank tape target task taste tattoo taxi
teach team tell ten tenant tennis tent term test text thank that theme then theory there they thing this thought three thrive throw thumb thunder
ticket tide tiger tilt timber time tiny tip tired tissue title toast tobacco today toddler toe together toilet token tomato tomorrow tone tongue
tonight tool tooth top topic topple torch tornado tortoise toss total tourist toward tower town toy track trade traffic tragic train transfer trap
trash travel tray treat tree trend trial tribe trick trigger trim trip trophy trouble truck true truly trumpet trust truth try tube tuition tumble
tuna tunnel turkey turn turtle twelve twenty twice twin twist two type typical ugly umbrella unable unaware uncle uncover under undo unfair unfold
unhappy uniform unique unit universe unknown unlock until unusual unveil update upgrade uphold upon upper upset urban urge usage use used useful
useless usual utility vacant vacuum vague valid valley valve van vanish vapor various vast vault vehicle velvet vendor venture venue verb verify
version very vessel veteran viable vibrant vicious victory video view village vintage violin virtual virus visa visit visual vital vivid vocal voice
void volcano volume vote voyage wage wagon wait walk wall walnut want warfare warm warrior wash wasp waste water wave way wealth weapon wear weasel
weather web wedding weekend weird welcome west wet whale what wheat wheel when where whip whisper wide width wife wild will win window wine wing wink
winner winter wire wisdom wise wish witness wolf woman wonder wood wool word work world worry worth wrap wreck wrestle wrist write wrong yard year
yellow you young youth zebra zero zone zoo
"""


if __name__ == '__main__':
    sys.exit(main())
