// A wait that somebody may end early. What rang while nobody waited ends the next wait.

export class Alarm {
  #rang = false
  #end: (() => void) | undefined

  ring(): void {
    this.#rang = true
    this.#end?.()
  }

  /** Resolves after `ms`, or when it rings. */
  async wait(ms: number): Promise<void> {
    if (!this.#rang && ms > 0) {
      await new Promise<void>((resolve) => {
        // A longer one than setTimeout knows would end at once.
        const timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1))
        this.#end = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#end = undefined
    }
    this.#rang = false
  }
}
