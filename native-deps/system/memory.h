/* The calls of this addon that are about memory. */
#ifndef VAULTFS_SYSTEM_MEMORY_H
#define VAULTFS_SYSTEM_MEMORY_H

#include <node_api.h>

void provide_memory(napi_env env, napi_value exports);

#endif
