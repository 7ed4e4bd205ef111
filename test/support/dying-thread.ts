// A thread that ends with an error at the first question, as one with a fault that nobody foresaw.
import { parentPort } from 'node:worker_threads'

parentPort?.on('message', ({ kind }: { readonly kind: string }) => {
  if (kind === 'ask') throw new Error('something nobody foresaw')
  if (kind === 'close') parentPort?.close()
})
