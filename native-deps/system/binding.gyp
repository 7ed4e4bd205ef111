{
  'targets': [{
    'target_name': 'system',
    'sources': ['system.c', 'memory.c'],
    'cflags': ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-fvisibility=hidden'],
    'defines': ['NAPI_VERSION=8', '_GNU_SOURCE'],
  }],
}
