// The package has types that its own "exports" hide. It is better-sqlite3's interface and a key.

declare module 'better-sqlite3-multiple-ciphers' {
  import Plain from 'better-sqlite3'

  class Sealed extends Plain {
    /** Answers 0. A wrong key shows at the first access to the file only. */
    key(key: Buffer): number
  }
  export default Sealed
}
