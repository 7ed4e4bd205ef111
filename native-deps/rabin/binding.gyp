{
  'targets': [{
    'target_name': 'rabin',
    'sources': ['rabin.c'],
    'cflags': ['-std=gnu11', '-O3', '-Wall', '-Wextra', '-fvisibility=hidden'],
    'defines': ['NAPI_VERSION=8'],
  }],
}
