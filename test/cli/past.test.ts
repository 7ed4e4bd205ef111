// Versions, snapshots and restoring, as a user types it.
import { scripts, testScripts } from './scripts.js'

testScripts(scripts.past)
