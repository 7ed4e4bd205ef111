/* mount(2), umount2(2), and the socket over which fusermount hands us /dev/fuse. All answer a value or -errno. */
#ifndef VAULTFS_FUSE_MOUNTING_H
#define VAULTFS_FUSE_MOUNTING_H

#include <node_api.h>

napi_value mounting_direct(napi_env env, napi_callback_info info);
napi_value mounting_socket_pair(napi_env env, napi_callback_info info);
napi_value mounting_receive(napi_env env, napi_callback_info info);
napi_value mounting_unmount(napi_env env, napi_callback_info info);

#endif
