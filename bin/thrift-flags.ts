// What a daemon has V8 told, as the launcher tells those that stay in its own process, and says why there.
export const thriftFlags: readonly string[] = ['--max-semi-space-size=4', '--heap-growing-percent=50', '--expose-gc']
