#!/usr/bin/python3
"""Folds entries of several devices with the second reader: a line of JSON a history comes in, a line with its tree goes out.

In: {"pageKey": hex, "entries": [{"device", "sequence", "lamport", "sec", "dependencies": [[device, sequence]], "operations": [hex]}]}.
Out: {"tree": [for each name its path, entry id, attributes (without blocks, access time and parent) and content],
"root": what the state's root is under that key, "records": how many it is made of, "kept": moments that were not let go of, with their names}.
"""
import collections
import json
import sys

sys.dont_write_bytecode = True
import vaultfs_reader as reader

FoldEntry = collections.namedtuple('FoldEntry', 'device sequence lamport sec dependencies operations what')
PageKey = collections.namedtuple('PageKey', 'page_id')
Chain = collections.namedtuple('Chain', 'device entries')


def entry_from(told):
    dependencies = [(bytes.fromhex(device), sequence, b'') for device, sequence in told['dependencies']]
    operations = [reader.operation_from(bytes.fromhex(operation)) for operation in told['operations']]
    return FoldEntry(bytes.fromhex(told['device']), told['sequence'], told['lamport'], told['sec'], dependencies, operations, f'entry {told["sequence"]}')


def tree_of(history):
    chains = collections.defaultdict(list)
    for told in history['entries']:
        entry = entry_from(told)
        chains[entry.device].append(entry)
    merge = reader.Merge()
    entries = list(reader.in_order([Chain(device, entries) for device, entries in chains.items()]))
    for entry in entries:
        merge.fold(entry)
    state, lines = merge.view(), []
    for path, entry_id in reader.walk(state, reader.ROOT_ID):
        node = state.nodes[entry_id]
        if path:
            attributes = node.attributes[:45] + bytes(20) + node.attributes[65:101] + bytes(8) + node.attributes[109:]
            content = node.content[1] if node.content else b''
            lines.append(f'{json.dumps("/" + path.decode("latin-1"), ensure_ascii=False)} {entry_id.hex()} {attributes.hex()} {content.hex()}')
    root, records = merge.told_view().root(PageKey(bytes.fromhex(history['pageKey'])))
    kept = [f'{moment.position} {sorted(map(bytes.decode, moment.names))}' for moment in reader.History(entries, None, None).moments if moment.kept]
    return {'tree': lines, 'kept': kept, 'root': root.hex(), 'records': records}


for line in sys.stdin:
    print(json.dumps(tree_of(json.loads(line))))
