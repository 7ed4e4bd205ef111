/* The native half of the kernel driver: see driver.ts for what it is used for. Nothing here knows what a request means, */
/* but FORGET, which comes by the hundred thousand. */
#include "arguments.h"
#include "channel.h"
#include "mounting.h"

static napi_value initialise(napi_env env, napi_value exports) {
  set_function(env, exports, "mountDirect", mounting_direct, NULL);
  set_function(env, exports, "socketPair", mounting_socket_pair, NULL);
  set_function(env, exports, "receiveDescriptor", mounting_receive, NULL);
  set_function(env, exports, "unmount", mounting_unmount, NULL);
  set_function(env, exports, "openChannel", channel_open, NULL);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, initialise)
