/*
 * How long the event loop keeps a request waiting. A timer of the kernel's comes due each millisecond; when the loop
 * gets to it, each time that it came due since is a sample: how long ago that was. So a turn of 40 ms counts as 40
 * requests that waited 40, 39, 38 ms, and also the time counts for which the thread was ready and got no processor.
 * An idle loop is left asleep: after QUIET samples with no other event the timer stops, and the next event starts it;
 * a long turn meanwhile is known by its length, and gives the same samples.
 */
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define PERIOD_NS 1000000u
#define QUIET 100
/* Of one turn. More is a machine that was stopped. */
#define SAMPLES_MAX 60000
/* loop-delay.ts says which microseconds fall into which bucket; behind them the maximum, in microseconds. */
#define BUCKETS 1024
#define LINEAR_BITS 5

struct probe {
  uv_poll_t poll;
  uv_prepare_t prepare;
  uv_loop_t *loop;
  double *counts;
  uint64_t due;      /* of the sample that comes next; 0: the timer is stopped */
  uint64_t events;   /* of the loop, ever, when it was looked at last */
  uint64_t turned;   /* when the loop looked for events last */
  uint64_t idled;    /* how long it had slept by then, ever */
  uint32_t quiet;
  int settling;      /* the timer was stopped in this turn */
  int fd;
};

static struct probe *running;

static void sample(struct probe *probe, uint64_t ns) {
  uint64_t us = ns / 1000;
  size_t bucket = us;
  if (us >> (LINEAR_BITS + 1) != 0) {
    unsigned shift = 63u - (unsigned)__builtin_clzll(us) - LINEAR_BITS;
    bucket = ((size_t)shift << LINEAR_BITS) + (size_t)(us >> shift);
  }
  probe->counts[bucket < BUCKETS ? bucket : BUCKETS - 1] += 1;
  if ((double)us > probe->counts[BUCKETS]) probe->counts[BUCKETS] = (double)us;
}

static void set_timer(struct probe *probe, uint64_t due) {
  struct itimerspec spec = {{0, 0}, {0, 0}};
  probe->due = due;
  probe->quiet = 0;
  if (due != 0) {
    spec.it_interval.tv_nsec = PERIOD_NS;
    spec.it_value.tv_sec = (time_t)(due / 1000000000u);
    spec.it_value.tv_nsec = (long)(due % 1000000000u);
  }
  timerfd_settime(probe->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static uint64_t events_of(uv_loop_t *loop) {
  uv_metrics_t metrics;
  uv_metrics_info(loop, &metrics);
  return metrics.events;
}

static void came_due(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  struct probe *probe = (struct probe *)poll;
  uint64_t times;
  if (read(probe->fd, &times, sizeof times) != sizeof times || probe->due == 0) return;
  uint64_t now = uv_hrtime();
  uint64_t counted = times < SAMPLES_MAX ? times : SAMPLES_MAX;
  for (uint64_t at = 0; at < counted; at++) {
    uint64_t due = probe->due + at * PERIOD_NS;
    sample(probe, now > due ? now - due : 0);
  }
  probe->due += times * PERIOD_NS;
  /* One of the loop's events since the last time is the timer itself. */
  uint64_t all = events_of(probe->loop);
  probe->quiet = all - probe->events > 1 ? 0 : probe->quiet + 1;
  probe->events = all;
  if (probe->quiet < QUIET) return;
  set_timer(probe, 0);
  /* This very event is counted when the loop comes back from here. */
  probe->settling = 1;
}

/* Before the loop looks for events, each time. */
static void turns(uv_prepare_t *prepare) {
  struct probe *probe = prepare->data;
  if (probe->due != 0) return;
  uint64_t now = uv_hrtime(), idled = uv_metrics_idle_time(probe->loop);
  /* Node has the loop count its sleep; where it did not, the length of a turn is not known. */
  if (probe->idled != 0 && now - probe->turned > idled - probe->idled) {
    uint64_t busy = (now - probe->turned) - (idled - probe->idled);
    for (uint64_t at = 0; busy > PERIOD_NS && at < SAMPLES_MAX; at++, busy -= PERIOD_NS) sample(probe, busy);
  }
  probe->turned = now;
  probe->idled = idled;
  uint64_t all = events_of(probe->loop);
  int news = all != probe->events && !probe->settling;
  probe->settling = 0;
  probe->events = all;
  if (news) {
    probe->idled = 0;
    set_timer(probe, now + PERIOD_NS);
  }
}

static void closed(uv_handle_t *handle) {
  /* The poll handle is the probe's beginning, and is closed last. */
  if (handle->type == UV_POLL) free(handle);
}

static void stop_probe(void *data) {
  struct probe *probe = data;
  if (running != probe) return;
  running = NULL;
  uv_poll_stop(&probe->poll);
  close(probe->fd);
  uv_close((uv_handle_t *)&probe->prepare, closed);
  uv_close((uv_handle_t *)&probe->poll, closed);
}

/* begin(counts: Float64Array of BUCKETS + 1, kept by the caller until end()): 0 or a negative errno */
static napi_value begin(napi_env env, napi_callback_info info) {
  napi_value args[1], out;
  size_t argc = 1, length = 0;
  void *data = NULL;
  napi_typedarray_type type = napi_uint8_array;
  int result = UV_EINVAL;
  struct probe *probe = NULL;
  if (napi_get_cb_info(env, info, &argc, args, NULL, NULL) == napi_ok && argc == 1 && running == NULL &&
      napi_get_typedarray_info(env, args[0], &type, &length, &data, NULL, NULL) == napi_ok && type == napi_float64_array &&
      length == BUCKETS + 1)
    probe = calloc(1, sizeof *probe);
  if (probe != NULL) {
    probe->counts = data;
    napi_get_uv_event_loop(env, &probe->loop);
    probe->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    result = probe->fd < 0 ? UV_EMFILE : uv_poll_init(probe->loop, &probe->poll, probe->fd);
  }
  if (result < 0) {
    if (probe != NULL && probe->fd >= 0) close(probe->fd);
    free(probe);
  } else {
    uv_poll_start(&probe->poll, UV_READABLE, came_due);
    uv_prepare_init(probe->loop, &probe->prepare);
    probe->prepare.data = probe;
    uv_prepare_start(&probe->prepare, turns);
    uv_unref((uv_handle_t *)&probe->poll);
    uv_unref((uv_handle_t *)&probe->prepare);
    probe->events = events_of(probe->loop);
    running = probe;
    napi_add_env_cleanup_hook(env, stop_probe, probe);
  }
  napi_create_int32(env, result, &out);
  return out;
}

/* end(): idempotent */
static napi_value end(napi_env env, napi_callback_info info) {
  (void)info;
  if (running != NULL) {
    napi_remove_env_cleanup_hook(env, stop_probe, running);
    stop_probe(running);
  }
  return NULL;
}

static napi_value init(napi_env env, napi_value exports) {
  napi_property_descriptor properties[] = {
      {"begin", NULL, begin, NULL, NULL, NULL, napi_enumerable, NULL},
      {"end", NULL, end, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
