// Which test files are begun first: one of minutes that is begun last keeps the other cores waiting for it.

/** The longest first; each takes fifteen seconds of a processor at least. */
const longest: readonly string[] = [
  'fault/torture/torture.test.js', 'cli/nodes.test.js', 'cli/everyday.test.js', 'cli/damage.test.js', 'cli/mishaps.test.js', 'model/vault-model.test.js', 'cli/past.test.js',
  'fault/failing-disk.test.js', 'cli/tour.test.js', 'vaults/vaults.test.js', 'fault/verify/verify.test.js', 'fault/flips/flips.test.js', 'fault/verify/derived.test.js', 'fault/full-disk.test.js',
  'mount/versions.test.js', 'bin/recover.test.js', 'model/merge.test.js', 'fault/recorder/power-cuts.test.js', 'posix/families/open.test.js', 'lib/recover/recover.test.js', 'cli/node.test.js',
  'reader/reader.test.js', 'model/amplification.test.js', 'tidy/tidy.test.js', 'posix/large-directory.test.js',
]

/** Paths below the folder of the compiled tests; throws where one of the longest is not among them. */
export function inOrder(files: readonly string[]): readonly string[] {
  const strange = longest.filter((file) => !files.includes(file))
  if (strange.length > 0) throw new Error(`test/suite/order.ts names what is no test: ${strange.join(', ')}`)
  return [...longest, ...files.filter((file) => !longest.includes(file)).sort()]
}
