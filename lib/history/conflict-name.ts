// What a name is called when another entry holds it: `notes (conflict, laptop, 2024-05-01 14-30).txt`. Names are bytes
// as latin1 characters, so is what is put into them.

const nameBytesMax = 255

/** `isTaken`: then a number is added. */
export function conflictName(name: string, device: string, sec: number, isTaken: (name: string) => boolean): string {
  const dot = name.lastIndexOf('.')
  const [stem, extension] = dot > 0 && name.length - dot <= 16 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
  const when = new Date(sec * 1000).toISOString().slice(0, 16).replace('T', ' ').replace(':', '-')
  const who = Buffer.from(shortened(device.replaceAll(/[/\0]/g, '-'), 40), 'utf8').toString('latin1')
  for (let number = 1; ; number++) {
    const mark = ` (conflict, ${who}, ${when}${number === 1 ? '' : `, ${number}`})`
    const found = cut(stem, nameBytesMax - mark.length - extension.length) + mark + extension
    if (!isTaken(found)) return found
  }
}

function shortened(text: string, max: number): string {
  return [...text].slice(0, max).join('')
}

/** At most so many bytes, never in the middle of a UTF-8 character. */
function cut(name: string, max: number): string {
  if (name.length <= max) return name
  let end = max
  while (end > 0 && (name.charCodeAt(end) & 0xc0) === 0x80) end--
  return name.slice(0, end)
}
