{
  'targets': [{
    'target_name': 'vaultfs-supervisor',
    'type': 'executable',
    'sources': ['supervisor.c'],
    'cflags': ['-std=gnu11', '-O2', '-Wall', '-Wextra'],
    'defines': ['_GNU_SOURCE'],
  }],
}
