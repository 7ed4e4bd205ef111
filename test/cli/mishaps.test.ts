// Wrong input, wrong machines, lost and exchanged files, as a user meets them.
import { scripts, testScripts } from './scripts.js'

testScripts(scripts.mishaps)
