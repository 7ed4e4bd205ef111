/* The hot path: reading requests and writing replies. */
#ifndef VAULTFS_FUSE_TRANSFER_H
#define VAULTFS_FUSE_TRANSFER_H

#include "channel.h"

/* Sets read, reply, replyAll and replyData on the channel's object. */
void transfer_methods(napi_env env, napi_value object, struct channel *channel);

#endif
