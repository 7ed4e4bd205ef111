{
  'targets': [{
    'target_name': 'fuse',
    'sources': ['addon.c', 'channel.c', 'counts.c', 'mounting.c', 'notify.c', 'arguments.c', 'transfer.c'],
    'cflags': ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-fvisibility=hidden', '-pthread'],
    'ldflags': ['-pthread'],
    'defines': ['NAPI_VERSION=8', '_GNU_SOURCE'],
  }],
}
