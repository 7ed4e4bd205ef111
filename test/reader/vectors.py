#!/usr/bin/python3
"""Runs the test vectors of a folder through the second reader: a line of JSON for each, {"name", "outcome"}.

BLAKE3 is compared with the vectors of its authors (keyed mode, input bytes 0 to 250 again and again), and hashes of more
lengths are printed for somebody else to compare.
"""
import glob
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import vaultfs_reader as reader

OUTCOMES = {reader.Damage: 'corrupt', reader.NotAVault: 'not-a-vault', reader.UnknownFormat: 'format-unknown', reader.WrongSecret: 'wrong-passphrase'}
KEY = b'whats the Elvish word for friend'
KNOWN = {
    0: '92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26',
    1: '6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b',
    1023: 'c951ecdf03288d0fcc96ee3413563d8a6d3589547f2c2fb36d9786470f1b9d6e',
    1024: '75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4',
    1025: '357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69',
    3073: '68dede9bef00ba89e43f31a6825f4cf433389fedae75c04ee9f0cf16a427c95a',
    7169: 'ed9b1a922c046fdb3d423ae34e143b05ca1bf28b710432857bf738bcedbfa511',
}
MORE = (63, 64, 65, 2048, 2049, 5121, 31744, 65536, 102400, 262144, 262145, 1048577)
VAULT = bytes(32)


def keys_of(roots, vault_id=VAULT):
    epochs = {number: bytes.fromhex(key) for number, key in enumerate(roots['epochs'], 1)}
    return reader.Keys.of_roots(bytes.fromhex(roots['master']), bytes.fromhex(roots['idRoot']), epochs, vault_id)


def plain_of(plain):
    if 'step' in plain:
        return bytes(at * plain['step'] % 251 for at in range(plain['length']))
    return ''.join(f'{line * 7919 % 1009}: the quick brown fox\n' for line in range(plain['lines'])).encode()


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def run_keys(vector):
    keys, derived = keys_of(vector['roots']), vector['derived']
    newest = max(keys.epochs)
    made = {'local': keys.local, 'log': keys.log, 'id': keys.id, 'page-id': keys.page_id, 'data': keys.of_epoch(newest, 1, ''), 'manifest': keys.of_epoch(newest, 3, '')}
    for name, key in made.items():
        check(key.hex() == derived[name], name)


def run_blob(vector):
    reference = reader.reference_from(bytes.fromhex(vector['reference']))
    check(reader.open_blob(bytes.fromhex(vector['sealed']), reference, keys_of(vector['roots'])) == plain_of(vector['plain']), 'another plaintext')


def run_header(vector):
    header = reader.Header(bytes.fromhex(vector['header']), 'header')
    if 'words' in vector:
        secret = reader.Kit(reader.entropy_of(vector['words'].split()))
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(vector['passphrase'].encode())
            file.flush()
            secret = reader.Passphrase(reader.passphrase_from(file.name))
    master = header.open_master(secret)
    check(master.hex() == vector['master'], 'another master')
    check(reader.Keys(header, master).header_trusted == vector['trusted'], 'whether the MAC is trusted')


def run_device(vector):
    reader.member_of_device_file(bytes.fromhex(vector['file']), keys_of(vector['roots'], bytes.fromhex(vector['vaultId'])), bytes.fromhex(vector['ownerPublicKey']))


def run_entry(vector):
    data = bytes.fromhex(vector['entry'])
    entry = reader.Entry(data, 0, keys_of(vector['roots'], data[4:36]), data[36:52], 'entry')
    if not reader.signed(bytes.fromhex(vector['signPublicKey']), 'entry/v1', entry.message, entry.signature):
        raise reader.Damage('signature')
    check(entry.hash.hex() == vector['hash'] and entry.lamport == vector['lamport'], 'another hash or time')
    check(len(entry.operations) == len(vector['operations']), 'another number of operations')


def run_peers(vector):
    keys, data = keys_of(vector['roots'], bytes.fromhex(vector['vaultId'])), bytes.fromhex(vector['file'])
    if data[:7] != b'VFSPRS\0':
        raise reader.Damage('no list of nodes')
    if data[7:8] != b'\1':
        raise reader.UnknownFormat('the file peers')
    if data[8:40] != keys.vault_id:
        raise reader.Damage('the nodes of another vault')
    fields = reader.Cursor(reader.unseal(keys.local, b'vaultfs peers/v1\0' + keys.vault_id, data[40:], 'the file peers'), 'the file peers')
    if fields.number(1) != 1:
        raise reader.UnknownFormat('the list of nodes')
    found = []
    for _ in range(fields.count(64)):
        identity, name = fields.take(8), fields.prefixed(100).decode()
        pin, signing, added = fields.take(32), fields.take(32), fields.number(8)
        places = [fields.prefixed(280).decode() for _ in range(fields.number(1))]
        found.append({'peerId': identity.hex(), 'name': name, 'pin': pin.hex(), 'signing': signing.hex(), 'places': places, 'addedSec': added})
    fields.end()
    for key in ('peerId', 'name'):
        if len({one[key] for one in found}) != len(found):
            raise reader.Damage(f'two of one {key}')
    check(found == vector['peers'], 'other nodes')


def run_recovery(vector):
    fields = reader.Cursor(bytes.fromhex(vector['record']), 'recovery record')
    if fields.number(1) != 1:
        raise reader.UnknownFormat('recovery record')
    vault_id, key = fields.take(32), fields.take(32)
    message, signature = fields.data[:fields.at], fields.take(64)
    fields.end()
    if vault_id.hex() != vector['vaultId'] or not reader.signed(bytes.fromhex(vector['ownerPublicKey']), 'recovery/v1', message, signature):
        raise reader.Damage('recovery record')
    check(key.hex() == vector['tlsPublicKey'], 'another key')
    kit = reader.entropy_of(vector['words'].split())
    check(reader.public_key_of(reader.kdf(kit, 'vfs-kit1', 3)) == key, 'not the key of the kit')


RUN = {'keys': run_keys, 'blob': run_blob, 'header': run_header, 'device': run_device, 'entry': run_entry, 'peers': run_peers, 'recovery': run_recovery}


def main(folder):
    for path in sorted(glob.glob(os.path.join(folder, '*.json'))):
        with open(path, encoding='utf-8') as file:
            vector = json.load(file)
        try:
            RUN[vector['kind']](vector)
            outcome = 'ok'
        except tuple(OUTCOMES) as why:
            outcome = OUTCOMES[type(why)]
        except AssertionError as why:
            outcome = f'wrong: {why}'
        print(json.dumps({'name': os.path.basename(path)[:-5], 'outcome': outcome}))
    for length, known in KNOWN.items():
        made = reader.blake3(KEY, bytes(at % 251 for at in range(length))).hex()
        print(json.dumps({'name': f'blake3 of {length} bytes', 'outcome': 'ok' if made == known else made}))
    for length in MORE:
        print(json.dumps({'length': length, 'hash': reader.blake3(KEY, bytes(at % 251 for at in range(length))).hex()}))


main(sys.argv[1])
