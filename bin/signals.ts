// SIGTERM and SIGINT end a daemon properly: publish, drain, unmount. A second one a while later means "now": the mount
// is detached although files are open.

/** The terminal's Ctrl-C may reach us twice, once through the launcher; that is one wish. */
const sameWishMs = 500

/** Calls back for each wish to end; answers how to stop listening. */
export function onEnding(ending: (lazy: boolean) => void): () => void {
  let firstAt: number | undefined
  const heard = (): void => {
    const now = performance.now()
    if (firstAt !== undefined && now - firstAt < sameWishMs) return
    const lazy = firstAt !== undefined
    firstAt = now
    ending(lazy)
  }
  process.on('SIGTERM', heard)
  process.on('SIGINT', heard)
  return () => {
    process.off('SIGTERM', heard)
    process.off('SIGINT', heard)
  }
}
