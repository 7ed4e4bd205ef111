// The versions of a file that is replaced: what writer and reader agree on.

/** Empty never, small, several pages, more than one request of the kernel: by turns. */
export function versionBytes(version: number): number {
  return [1, 700, 4096, 70_001, 1_048_577, 2_100_000][version % 6] ?? 1
}
