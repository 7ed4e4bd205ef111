{
  'targets': [{
    'target_name': 'zstd',
    'sources': ['zstd.c'],
    'cflags': ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-fvisibility=hidden'],
    'defines': ['NAPI_VERSION=8'],
  }],
}
