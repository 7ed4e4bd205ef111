// A vault and its nodes, as a user types it.
import { scripts, testScripts } from './scripts.js'

testScripts(scripts.nodes)
