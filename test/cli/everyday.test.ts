// Making, mounting, using and unmounting vaults, as a user types it.
import { scripts, testScripts } from './scripts.js'

testScripts(scripts.everyday)
