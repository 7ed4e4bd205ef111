// The entry of the thread that hashes and verifies.
import { parentPort } from 'node:worker_threads'
import { invariant } from '../terms/errors.js'
import { checker } from './checker.js'
import { answerCalls } from './thread-link.js'

invariant(parentPort !== null, 'a thread')
answerCalls(parentPort, { ...checker })
