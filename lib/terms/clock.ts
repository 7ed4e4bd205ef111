// Time is handed in, never taken from the air, so that tests can hold it still.

export interface Clock {
  /** Wall clock: whole seconds since 1970 and the nanoseconds beside them. */
  now(): { readonly sec: number; readonly nsec: number }
  /** Monotonic milliseconds, for deadlines and rates. */
  monotonicMs(): number
}
