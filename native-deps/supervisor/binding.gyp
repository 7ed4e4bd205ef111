{
  'targets': [{
    'target_name': 'vaultfs-supervisor',
    'type': 'executable',
    'sources': ['supervisor.c', 'haste.c', 'heir.c', 'look.c', 'place.c', 'watch.c'],
    'cflags': ['-std=gnu11', '-O2', '-Wall', '-Wextra'],
    'defines': ['_GNU_SOURCE'],
  }],
}
