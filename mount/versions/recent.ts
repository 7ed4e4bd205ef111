// Answers that were asked for lately, so that what is asked again and again (a view's name, on every path through it) takes
// no turn through another thread. Bounded; a failure is not remembered.
export class Recent<Key, Answer> {
  readonly #max: number
  /** Oldest use first. */
  #answers = new Map<Key, Promise<Answer>>()

  constructor(max: number) {
    this.#max = max
  }

  get(key: Key, ask: () => Promise<Answer>): Promise<Answer> {
    const answers = this.#answers
    const answer = answers.get(key) ?? ask()
    answers.delete(key)
    answers.set(key, answer)
    answer.catch(() => {
      if (answers.get(key) === answer) answers.delete(key)
    })
    if (answers.size > this.#max) this.#dropOldest()
    return answer
  }

  /** Also of what is being asked now. */
  clear(): void {
    this.#answers = new Map()
  }

  #dropOldest(): void {
    for (const key of this.#answers.keys()) {
      this.#answers.delete(key)
      return
    }
  }
}
