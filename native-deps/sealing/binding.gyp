{
  'targets': [{
    'target_name': 'sealing',
    'sources': ['sealing.c', 'segments.c', 'subkey.c', 'library.c'],
    'cflags': ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-fvisibility=hidden'],
    'defines': ['NAPI_VERSION=8'],
  }],
}
