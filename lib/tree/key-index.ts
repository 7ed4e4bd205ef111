// Keys by number: nearly every number has one, which then costs no set.
export class KeyIndex {
  readonly #keys = new Map<number, string | Set<string>>()

  add(number: number, key: string): void {
    const known = this.#keys.get(number)
    if (known === undefined) this.#keys.set(number, key)
    else if (typeof known !== 'string') known.add(key)
    else if (known !== key) this.#keys.set(number, new Set([known, key]))
  }

  take(number: number, key: string): void {
    const known = this.#keys.get(number)
    if (known === key) this.#keys.delete(number)
    else if (typeof known === 'object' && known.delete(key) && known.size === 0) this.#keys.delete(number)
  }

  takeAll(number: number): void {
    this.#keys.delete(number)
  }

  /** In the order in which they came. */
  of(number: number): Iterable<string> {
    const known = this.#keys.get(number) ?? []
    return typeof known === 'string' ? [known] : known
  }

  count(number: number): number {
    const known = this.#keys.get(number)
    return typeof known === 'string' ? 1 : (known?.size ?? 0)
  }
}
