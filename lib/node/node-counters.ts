// What the node counts of itself, for its metrics.
export class NodeCounters {
  bytesIn = 0
  bytesOut = 0
  blobsDeleted = 0
  pairings = 0
  pairingsRefused = 0
  /** By route and status. */
  readonly requests = new Map<string, number>()

  countRequest(route: string, status: number): void {
    const key = `${route} ${status}`
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1)
  }
}
