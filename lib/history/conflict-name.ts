// What a name is called when another entry holds it: `notes (conflict, laptop, 2024-05-01 14-30).txt`. Names are bytes
// as latin1 characters, so is what is put into them.

import { limits } from '../terms/limits.js'

/** Characters of a device's name. */
const deviceMax = 40
/** Bytes of an extension, with its dot. */
const extensionMax = 16
/** The last second that a Date knows. */
const secMax = 8_640_000_000_000

/** `isTaken`: then a number is added. */
export function conflictName(name: string, device: string, sec: number, isTaken: (name: string) => boolean): string {
  const dot = name.lastIndexOf('.')
  const [stem, extension] = dot > 0 && name.length - dot <= extensionMax ? [name.slice(0, dot), name.slice(dot)] : [name, '']
  const when = new Date(Math.min(sec, secMax) * 1000).toISOString().slice(0, -8).replace('T', ' ').replace(':', '-')
  const who = Buffer.from([...device.replaceAll(/[/\0]/g, '-')].slice(0, deviceMax).join(''), 'utf8').toString('latin1')
  for (let number = 1; ; number++) {
    const mark = ` (conflict, ${who}, ${when}${number === 1 ? '' : `, ${number}`})`
    const found = cut(stem, limits.nameBytesMax - mark.length - extension.length) + mark + extension
    if (!isTaken(found)) return found
  }
}

/** At most so many bytes, never in the middle of a UTF-8 character: that has at most four. */
function cut(name: string, max: number): string {
  if (name.length <= max) return name
  for (let end = max; end > max - 4 && end > 0; end--) if ((name.charCodeAt(end) & 0xc0) !== 0x80) return name.slice(0, end)
  return name.slice(0, max)
}
