// Wrong input, wrong machines and damage, as a user meets them.
import { scripts, testScripts } from './scripts.js'

testScripts(scripts.mishaps)
