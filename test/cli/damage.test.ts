// Damage of a store, as a user meets it, and what is done about it.
import { scripts, testScripts } from './scripts.js'

testScripts(scripts.damage)
